"""The optimiser: orthogonalised momentum for matrices, Adam for the rest (K. Jordan's Muon)."""
import torch

from ops import PRODUCTS
from team import Team


def orthogonalise(gradient, steps=5):
    """Newton-Schulz iteration towards the nearest orthogonal matrix, for a stack of matrices."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = gradient.to(PRODUCTS)
    tall = x.size(-2) > x.size(-1)
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return (x.mT if tall else x).to(gradient.dtype)


class Muon:
    """Matrices of one shape are updated together, by one process of the team."""

    def __init__(self, matrices, others, rate, others_rate, decay=0.01, team=Team()):
        self.groups = {}
        for p in matrices:
            self.groups.setdefault(tuple(p.shape), []).append(p)
        self.momentum = {s: torch.zeros(len(ps), *s, device=ps[0].device) for s, ps in self.groups.items()}
        self.adam = torch.optim.AdamW(others, lr=others_rate, betas=(0.9, 0.98), weight_decay=0.0)
        self.team = team
        self.owners = dict(zip(self.groups, team.divide([len(ps) * s[0] * s[1] * min(s) for s, ps in self.groups.items()])))
        self.others, self.rate, self.others_rate, self.decay = list(others), rate, others_rate, decay

    @torch.no_grad()
    def step(self, scale=1.0, momentum=0.95):
        for shape, ps in self.groups.items():
            if all(p.grad is None for p in ps):
                continue
            gradient = torch.stack([p.grad if p.grad is not None else torch.zeros_like(p) for p in ps])
            m = self.momentum[shape]
            m.lerp_(gradient, 1 - momentum)
            update = gradient.lerp(m, momentum)
            if self.owners[shape] == self.team.rank:
                update = orthogonalise(update)
            self.team.give(update, self.owners[shape])
            size = self.rate * scale * max(1, shape[0] / shape[1]) ** 0.5
            for p, u in zip(ps, update):
                p.mul_(1 - self.rate * scale * self.decay).add_(u, alpha=-size)
        for group in self.adam.param_groups:
            group["lr"] = self.others_rate * scale
        self.adam.step()

    def clip(self, limit=1.0):
        """The rest only: an orthogonalised step has a fixed size anyway."""
        torch.nn.utils.clip_grad_norm_([p for p in self.others if p.grad is not None], limit)

    def zero(self):
        for ps in self.groups.values():
            for p in ps:
                p.grad = None
        self.adam.zero_grad(set_to_none=True)

    def state(self):
        return {"buf": self.momentum, "adam": self.adam.state_dict()}

    def load(self, state):
        self.momentum = state["buf"]
        self.adam.load_state_dict(state["adam"])
