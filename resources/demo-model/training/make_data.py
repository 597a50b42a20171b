"""Makes what training reads from disk: the tokenizer and the speech sets. Pictures and conversations are drawn while
training goes on, from fixed seeds.
usage: make_data.py WORK [--utterances 12000]
"""
import argparse
import os
import shutil

import make_tokenizer
import pictures
import speech

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("work")
    options.add_argument("--utterances", type=int, default=12000)
    given = options.parse_args()
    if [len(set(fonts)) for fonts in (pictures.TRAIN_FONTS, pictures.MORE_FONTS, pictures.HELD_OUT_FONTS)] != [7, 6, 2]:
        raise SystemExit("Fonts are missing: apt install fonts-dejavu-core fonts-dejavu-extra fonts-liberation fonts-open-sans "
                         "fonts-crosextra-caladea fonts-crosextra-carlito")
    tokenizer, data = os.path.join(given.work, "tok"), os.path.join(given.work, "data")
    os.makedirs(data, exist_ok=True)
    make_tokenizer.make(tokenizer)
    shutil.copy(os.path.join(HERE, "..", "chat_template.jinja"), tokenizer)
    speech.make_set(data + "/speech_val", 300, 77)
    speech.make_set(data + "/speech_unseen", 60, 78, *speech.HELD_OUT_VOICE)
    speech.make_set(data + "/speech_train", given.utterances, 5)
    print("tokenizer and", given.utterances, "utterances in", given.work)


if __name__ == "__main__":
    main()
