"""Examples of every task: picture or sound, conversation, right answer.

An example is a dictionary: task, messages, tools, think, pre (the rendered prompt), prefix (the thought), ans, end, and
img [H, W, 3] uint8 or aud (float samples), with marks / objs / said / meta as the truth behind them.
"""
import json

import labels
import pictures
import prompts
import speech
from chat import (call, calculate_tool, finish, past_call, some_tools, system_message, timer_tool, tool_result,
                  weather_tool, with_medium)
from words import CITIES, COLORS, OCR_WORDS, SHAPES

# What is asked about a picture of shapes, and how often in training. Finding, pointing and describing get a bigger share
# than detecting alone would need: they have to learn from whom among several is spoken.
SHAPE_TASKS = {"detect": 15, "find": 25, "point": 35, "count": 5, "describe": 20}


def ocr(r, chat, level=1.0, fonts=None, sizes=None):
    image, text, marks = pictures.text_picture(r, fonts, level, sizes=sizes)
    example = {"task": "ocr", "img": image, "ans": text, "marks": marks}
    if r.random() < 0.93:
        return finish(r, example, with_medium(r, r.choice(prompts.READ)), chat, "I read the text in the picture.",
                      system=system_message(r))
    example.update(ans="The picture shows this text:\n" + text, task="describe")
    return finish(r, example, with_medium(r, r.choice(prompts.DESCRIBE)), chat, "I describe the picture.",
                  system=system_message(r))


def practise_ocr(r, chat, level):
    """Small letters and more fonts than the held-out samples have: what is hard is shown more often."""
    x = r.random()
    if x < 0.45 * level:
        return ocr(r, chat, level, pictures.SMALL_FONTS, pictures.SMALL_SIZES)
    return ocr(r, chat, level, pictures.MORE_FONTS if x < 0.65 * level else None)


def listing(objects):
    names = ["a" + ("n " if o["label"][0] in "aeiou" else " ") + o["label"] for o in objects]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def boxes(objects, width, height):
    items = ('{"box_2d":[' + ",".join(map(str, pictures.box1000(o["box"], width, height))) + '],"label":"' +
             o["label"] + '"}' for o in objects)
    return "```json\n[" + ",".join(items) + "]\n```"


def points(objects, width, height):
    def item(o):
        y1, x1, y2, x2 = pictures.box1000(o["box"], width, height)
        return '{"point":[' + f"{(y1 + y2) // 2},{(x1 + x2) // 2}" + '],"label":"' + o["label"] + '"}'
    return "```json\n[" + ",".join(map(item, objects)) + "]\n```"


def _asked_for(r, objects):
    """-> the objects meant, and their name: by colour and shape, by one of them, or a name that may be on none"""
    x, o = r.random(), r.choice(objects)
    if x < 0.5:
        return [q for q in objects if q["label"] == o["label"]], o["label"]
    if x < 0.7:
        return [q for q in objects if q["shape"] == o["shape"]], o["shape"]
    if x < 0.88:
        return [q for q in objects if q["color"] == o["color"]], o["color"] + " shape"
    name = r.choice(list(COLORS)) + " " + r.choice(SHAPES)
    return [q for q in objects if q["label"] == name], name


def detect(r, chat, n=None, mode=None):
    image, objects = pictures.shapes_picture(r, n)
    height, width = image.shape[:2]
    task = mode or r.choices(list(SHAPE_TASKS), list(SHAPE_TASKS.values()))[0]
    example = {"task": task, "img": image, "objs": objects}
    thought = "I look for the shapes and write their boxes."
    plural = len(objects) != 1
    if task == "detect":
        example.update(ans=boxes(objects, width, height), said=objects)
        prompt = r.choice(prompts.DETECT)
    elif task in ("find", "point"):
        said, name = _asked_for(r, objects)
        write, ways = (boxes, prompts.FIND) if task == "find" else (points, prompts.POINT)
        example.update(ans=write(said, width, height), said=said, query=name)
        prompt = r.choice(ways).format(name)
    elif task == "count":
        thought, prompt = "I count the shapes.", r.choice(prompts.COUNT)
        example["ans"] = f"There {'are' if plural else 'is'} {len(objects)} shape{'s' if plural else ''}."
    else:
        thought, prompt = "I describe the picture.", r.choice(prompts.DESCRIBE)
        example.update(ans=f"The picture shows {len(objects)} shape{'s' if plural else ''}: {listing(objects)}.", said=objects)
    return finish(r, example, with_medium(r, prompt), chat, thought, system=system_message(r))


def hear(r, chat, speech_set, i=None, augment=True, tools=True):
    samples, about = speech_set.get(r.randrange(len(speech_set)) if i is None else i)
    words = about["words"]
    example = {"task": "speech", "meta": about, "ans": speech.transcript(words),
               "aud": labels.augment(samples, r) if augment else labels.as_float(samples)}
    if tools and "timer" in words and r.random() < .5:
        example.update(task="speech_tool", ans=call("set_timer", {"minutes": int(speech.NUMBERS[words[-2]])}))
        declared = [timer_tool(r)] + ([weather_tool(r)] if r.random() < .4 else [])
        return finish(r, example, [{"type": "audio"}], chat, "I need the tool set_timer.", tools=declared)
    prompt = r.choice(prompts.HEAR) if r.random() > 0.01 else prompts.HEAR_LONG
    return finish(r, example, with_medium(r, prompt, "audio"), chat, "I write down what is said.", system=system_message(r))


def random_city(r):
    """A real one, or a made-up name: the model shall copy, not guess."""
    if r.random() < .6:
        return r.choice(CITIES)
    letters = range(r.randint(4, 8))
    return "".join(r.choice("bcdfghklmnprstvz" if (i + r.randint(0, 1)) % 2 else "aeiou") for i in letters).capitalize()


def unknown(r):
    """A question outside of what was learned."""
    if r.random() < .4:
        return r.choice(prompts.UNKNOWN)
    words = {name: r.choice(OCR_WORDS) for name in ("one", "two", "three")}
    question = r.choice(prompts.UNKNOWN_ABOUT).format(number=r.randint(0, 10 ** r.randint(1, 4)), city=random_city(r), **words)
    return question if r.random() < .7 else question.lower() if r.random() < .5 else question.rstrip(".?!")


def small_talk(r, chat):
    example = {"task": "talk"}
    if r.random() < .65:
        questions, example["ans"] = r.choices(prompts.TALK, prompts.TALK_OFTEN)[0]
        question = r.choice(questions)
    else:
        question, example["ans"] = unknown(r), prompts.UNKNOWN_ANSWER
    tools = [r.choice([weather_tool, timer_tool])(r)] if r.random() < .12 else None
    system = r.choice(prompts.SYSTEM) if r.random() < .15 else None
    return finish(r, example, question, chat, "A simple question.", tools=tools, system=system, think=r.random() < .15)


def _errand(r):
    """-> question, tool, its name, arguments, result, the sentence that tells the result"""
    x = r.random()
    if x < .5:
        city = random_city(r)
        question, sky, degrees = r.choice(prompts.WEATHER).format(city), r.choice(prompts.SKY), r.randint(-9, 38)
        return (question, weather_tool, "get_weather", {"city": city}, {"condition": sky, "temperature": degrees},
                f"It is {sky} and {degrees} °C in {city}.")
    if x < .75:
        minutes = r.randint(1, 90)
        return (r.choice(prompts.TIMER).format(minutes), timer_tool, "set_timer", {"minutes": minutes}, {"status": "ok"},
                f"The timer is set for {minutes} minute{'' if minutes == 1 else 's'}.")
    a, b, sign = r.randint(1, 99), r.randint(1, 99), r.choice("+-*")
    expression, result = f"{a} {sign} {b}", a + b if sign == "+" else a - b if sign == "-" else a * b
    return (r.choice(prompts.CALCULATE).format(expression), calculate_tool, "calculate", {"expression": expression},
            {"result": result}, f"{expression} = {result}")


def use_tool(r, chat, answer):
    """The call, or (answer) the sentence behind the tool's result."""
    question, tool, name, arguments, result, sentence = _errand(r)
    tools = some_tools(r, tool)
    if not answer:
        return finish(r, {"task": "tool", "ans": call(name, arguments)}, question, chat, f"I need the tool {name}.",
                      tools=tools, think=r.random() < .12)
    past = past_call(name, arguments)
    if r.random() < .5:
        past["tool_responses"] = [{"name": name, "response": result}]
        more = [past]
    else:
        separators = r.choice([(",", ":"), (", ", ": ")])
        more = [past, tool_result(name, json.dumps(result, separators=separators, ensure_ascii=False))]
    return finish(r, {"task": "tool_answer", "ans": sentence}, question, chat, "", tools=tools, more=more)


def city_in_picture(r, chat):
    """A sign with one city's name, and a question about the weather there."""
    city = random_city(r)
    image, _, marks = pictures.text_picture(r, lines=1, level=-1, word=lambda _: city)
    example = {"task": "tool_picture", "img": image, "ans": call("get_weather", {"city": city}), "marks": marks}
    return finish(r, example, with_medium(r, r.choice(prompts.WEATHER_OF_PICTURE)), chat, "I need the tool get_weather.",
                  tools=some_tools(r, weather_tool))


def talk(r, chat, mode=None):
    """Everything that is mostly text: small talk, tools, a city in a picture."""
    mode = mode or r.choices(["talk", "tool", "answer", "picture"], [36, 34, 20, 10])[0]
    if mode == "talk":
        return small_talk(r, chat)
    return city_in_picture(r, chat) if mode == "picture" else use_tool(r, chat, mode == "answer")
