"""Conversations in the genuine chat format: the template, tool declarations and calls, thoughts."""
import jinja2
import jinja2.ext
import jinja2.sandbox

import prompts
from prompts import SYSTEM

QUOTE = '<|"|>'


class Chat:
    """The model's own chat_template.jinja."""

    def __init__(self, path):
        environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                                                   extensions=[jinja2.ext.loopcontrols])
        with open(path, encoding="utf-8") as file:
            self.template = environment.from_string(file.read())

    def render(self, messages, tools=None, think=False):
        return self.template.render(messages=messages, tools=tools, enable_thinking=think, add_generation_prompt=True,
                                    bos_token="<bos>")


def _tool(name, texts, argument, kind, r):
    about, what = r.choice(texts[0]), r.choice(texts[1])
    parameters = {"type": "object", "properties": {argument: {"type": kind, "description": what}}, "required": [argument]}
    return {"type": "function", "function": {"name": name, "description": about, "parameters": parameters}}


def weather_tool(r):
    return _tool("get_weather", prompts.WEATHER_TOOL, "city", "string", r)


def timer_tool(r):
    return _tool("set_timer", prompts.TIMER_TOOL, "minutes", "integer", r)


def calculate_tool(r):
    return _tool("calculate", prompts.CALCULATE_TOOL, "expression", "string", r)


def some_tools(r, needed):
    """The needed one, now and then among others, in any order."""
    kinds = [needed] + [t for t in (weather_tool, timer_tool, calculate_tool) if t is not needed and r.random() < .22]
    r.shuffle(kinds)
    return [t(r) for t in kinds]


def call(name, arguments):
    """A tool call as the model writes it."""
    def value(v):
        return QUOTE + v + QUOTE if isinstance(v, str) else str(v)
    inside = ",".join(f"{k}:{value(v)}" for k, v in sorted(arguments.items()))
    return "<|tool_call>call:" + name + "{" + inside + "}<tool_call|>"


def past_call(name, arguments):
    function = {"name": name, "arguments": arguments}
    return {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": function}]}


def tool_result(name, body):
    return {"role": "tool", "tool_call_id": "c1", "name": name, "content": body}


def with_medium(r, text, kind="image"):
    """A picture or a recording with a question before or behind it, or alone."""
    medium = {"type": kind}
    if not text:
        return [medium]
    words = {"type": "text", "text": text}
    return [medium, words] if r.random() < 0.8 else [words, medium]


def system_message(r):
    return r.choice(SYSTEM) if r.random() < 0.06 else None


def finish(r, example, content, chat, thought, tools=None, more=None, think=None, system=None):
    """Completes an example: messages, the rendered prompt `pre`, and around the answer the thought and the last token."""
    messages = [{"role": "system", "content": system}] if system else []
    messages += [{"role": "user", "content": content}] + (more or [])
    think = (r.random() < 0.08) if think is None else think
    if more:
        think = False
    example.update(messages=messages, tools=tools, think=think, pre=chat.render(messages, tools, think))
    example["prefix"] = f"<|channel>thought\n{thought}\n<channel|>" if think else ""
    example["end"] = "<|tool_response>" if example["ans"].startswith("<|tool_call>") else "<turn|>"
    return example
