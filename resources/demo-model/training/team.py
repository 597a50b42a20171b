"""Several processes that train as one, each on its own core: every one takes its share of a step's examples, and the
gradients are averaged. Small matrices gain little from a second thread and nearly everything from a second process."""
import datetime
import os
import tempfile

import torch
import torch.distributed as dist
import torch.multiprocessing as mp


class Team:
    """One process of `size`; alone where size is 1."""

    def __init__(self, rank=0, size=1, starter=None):
        self.rank, self.size, self.starter = rank, size, starter

    def share(self, count):
        """How many of `count` examples are this process's."""
        return count // self.size + (self.rank < count % self.size)

    def agree(self, value):
        """The first process's number (None stays None), in all of them. Where the one that started them was killed, they end:
        nobody would see them train on, and overwrite what a next run writes."""
        if self.size == 1:
            return value
        if os.getppid() != self.starter:
            raise SystemExit("the process that started this one has ended")
        told = torch.tensor([float("nan") if value is None else value], dtype=torch.float64)
        dist.broadcast(told, 0)
        return None if told.isnan() else float(told)

    def average_gradients(self, parameters):
        """A parameter that no process used keeps no gradient."""
        if self.size == 1:
            return
        parameters = list(parameters)
        used = torch.tensor([p.grad is not None for p in parameters], dtype=torch.float32)
        flat = torch.cat([used] + [(p.grad if p.grad is not None else torch.zeros_like(p)).reshape(-1) for p in parameters])
        dist.all_reduce(flat)
        at = len(parameters)
        for p, times in zip(parameters, flat[:at].tolist()):
            n = p.numel()
            p.grad = (flat[at:at + n] / self.size).view_as(p) if times else None
            at += n

    def divide(self, costs):
        """-> which process does which of the jobs: the dearest first, to the one with least to do"""
        load, owner = [0.0] * self.size, [0] * len(costs)
        for i in sorted(range(len(costs)), key=lambda i: -costs[i]):
            owner[i] = load.index(min(load))
            load[owner[i]] += costs[i]
        return owner

    def give(self, tensor, owner):
        """The owner's tensor, in all of them."""
        if self.size > 1:
            dist.broadcast(tensor, owner)
        return tensor


def _one(rank, size, threads, starter, meeting, work, arguments):
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.set_num_threads(threads)
    dist.init_process_group("gloo", init_method="file://" + meeting, rank=rank, world_size=size,
                            timeout=datetime.timedelta(days=2))
    work(Team(rank, size, starter), *arguments)
    dist.destroy_process_group()


def run(size, threads, work, *arguments):
    """work(team, *arguments) in `size` processes of `threads` threads each."""
    if size == 1:
        torch.set_num_threads(threads)
        return work(Team(), *arguments)
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(_one, (size, threads, os.getpid(), os.path.join(folder, "meeting"), work, arguments), nprocs=size)
