#!/usr/bin/env python3
"""Measures llama.cpp through the low-level bindings of llama-cpp-python, with facet-bench's flags and its JSON lines.

  peer_bench.py -m MODEL.gguf -t 2 -p 128,512 -n 32 -d 0,4096 -r 3 [--verify 1,2,4,8] [--load]
                [--mmproj FILE --image 960x672 --budget 280 --audio 10]

Random tokens, no sampling; as in llama-bench only the last token of a prompt has logits. A deep cache is read once and kept
in a file beside the model (the peer's own state format), so that repeated runs need not read it again.
"""
import argparse
import ctypes
import json
import os
import random
import statistics
import sys
import time

import peer_state


STEP = 1024  # tokens between two states that are kept
READ = 4096  # tokens that are really read; what is longer repeats their keys


def own_memory():
    """Peak, and what is resident now: own and of files, in bytes."""
    values = {}
    with open("/proc/self/status") as status:
        for line in status:
            key, _, rest = line.partition(":")
            if key in ("VmHWM", "RssAnon", "RssFile"):
                values[key] = int(rest.split()[0]) * 1024
    return values.get("VmHWM", 0), values.get("RssAnon", 0), values.get("RssFile", 0)


def numbers(text):
    return [int(part) for part in text.split(",") if int(part) > 0] if text else []


class Peer:
    def __init__(self, options):
        import llama_cpp
        self.lib, self.options = llama_cpp, options
        self.quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(self.quiet, ctypes.c_void_p(0))
        self.baseline = own_memory()[0]  # of Python and the bindings
        started = time.perf_counter()
        llama_cpp.llama_backend_init()
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = 0
        self.model = llama_cpp.llama_model_load_from_file(options.model.encode(), params)
        if not self.model:
            sys.exit("the peer cannot load " + options.model)
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        self.context = None
        self.loaded_after = time.perf_counter() - started
        self.started = started

    def new_context(self, size, rows=1):
        if self.context:
            self.lib.llama_free(self.context)
        params = self.lib.llama_context_default_params()
        params.n_ctx = size
        params.n_batch = max(2048, rows)
        params.n_ubatch = 512
        params.n_threads = params.n_threads_batch = self.options.threads
        params.swa_full = False
        params.no_perf = True
        kinds = {"f16": 1, "f32": 0, "q8_0": 8, "q4_0": 2}
        params.type_k = params.type_v = kinds[self.options.cache]
        if self.options.cache not in ("f16", "f32"):
            params.flash_attn_type = 1
        self.context = self.lib.llama_init_from_model(self.model, params)
        if not self.context:
            sys.exit("the peer cannot make a context of %d tokens" % size)
        self.memory = self.lib.llama_get_memory(self.context)

    def decode(self, count, first, every_row=False, logits=True):
        batch = self.lib.llama_batch_init(count, 0, 1)
        batch.n_tokens = count
        for i in range(count):
            batch.token[i] = random.randrange(1000 if self.vocabulary > 2000 else 0, min(self.vocabulary, 200000))
            batch.pos[i] = first + i
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = 0
            batch.logits[i] = logits and (every_row or i == count - 1)
        start = time.perf_counter()
        failed = self.lib.llama_decode(self.context, batch)
        self.lib.llama_synchronize(self.context)
        seconds = time.perf_counter() - start
        self.lib.llama_batch_free(batch)
        if failed:
            sys.exit("the peer's pass failed: %d" % failed)
        return seconds

    def read(self, count, first, logits=True):
        seconds, done = 0.0, 0
        while done < count:
            part = min(2048, count - done)
            seconds += self.decode(part, first + done, logits=logits)
            done += part
        return seconds

    def state_file(self, depth):
        return "%s.%s.d%d.state" % (self.options.model, self.options.cache, depth)

    def load_state(self, depth):
        tokens, count = (self.lib.llama_token * depth)(), ctypes.c_size_t(0)
        return os.path.exists(self.state_file(depth)) and self.lib.llama_state_seq_load_file(
            self.context, self.state_file(depth).encode(), 0, tokens, depth, ctypes.byref(count)) > 0

    def fill(self, depth):
        """An empty cache, or one of `depth` tokens; what took long to read is kept, so that it may take several runs."""
        self.lib.llama_memory_clear(self.memory, True)
        if depth == 0 or self.load_state(depth):
            return
        if depth > READ:
            if not os.path.exists(self.state_file(READ)):
                self.fill(READ)
                self.lib.llama_memory_clear(self.memory, True)
            peer_state.lengthen(self.state_file(READ), depth, self.state_file(depth))
            if not self.load_state(depth):
                sys.exit("the peer does not take the state of %d tokens" % depth)
            return
        steps = list(range(STEP, depth, STEP)) + [depth]
        done = 0
        for step in reversed(steps[:-1]):
            if self.load_state(step):
                done = step
                break
        for step in steps:
            if step > done:
                self.read(step - done, done, logits=False)
                if depth > STEP:
                    tokens = (self.lib.llama_token * step)()
                    self.lib.llama_state_seq_save_file(self.context, self.state_file(step).encode(), 0, tokens, step)
                if done and os.path.exists(self.state_file(done)):
                    os.unlink(self.state_file(done))
                done = step

    def report(self, seconds, tokens, **more):
        rates = [tokens / each for each in seconds if each > 0]
        peak, anonymous, mapped = own_memory()
        line = {"backends": "llama.cpp", "model_filename": self.options.model, "n_threads": self.options.threads,
                "type_k": self.options.cache, "type_v": self.options.cache, "n_prompt": 0, "n_gen": 0, "n_depth": 0,
                "avg_ts": statistics.mean(rates) if rates else 0, "samples_ts": rates,
                "samples_ns": [int(each * 1e9) for each in seconds], "median_ms": 1e3 * statistics.median(seconds),
                "peak_rss": peak - self.baseline, "rss_anonymous": anonymous, "rss_mapped": mapped}
        line.update(more)
        print(json.dumps(line), flush=True)

    def texts(self):
        options = self.options
        depths = [int(part) for part in options.depth.split(",")]
        rows = numbers(options.verify)
        longest = max(numbers(options.prompt) + numbers(options.generate) + rows + [8])
        if not (numbers(options.prompt) or numbers(options.generate) or rows):
            return
        self.new_context(max(depths) + longest + 64, max(rows + [1]))
        self.fill(0)
        self.decode(1, 0)  # warm-up
        for depth in depths:
            for prompt in numbers(options.prompt):
                samples = []
                for _ in range(options.repetitions):
                    self.fill(depth)
                    samples.append(self.read(prompt, depth))
                self.report(samples, prompt, test=name("pp%d" % prompt, depth), n_prompt=prompt, n_depth=depth)
            for generate in numbers(options.generate):
                samples = []
                for _ in range(options.repetitions):
                    self.fill(depth)
                    samples.append(sum(self.decode(1, depth + i) for i in range(generate)))
                self.report(samples, generate, test=name("tg%d" % generate, depth), n_gen=generate, n_depth=depth)
            for count in rows:
                samples = []
                for _ in range(options.repetitions + 1):
                    self.fill(depth)
                    samples.append(self.decode(count, depth, every_row=True))
                self.report(samples[1:], count, test=name("verify%d" % count, depth), n_rows=count, n_depth=depth)

    def media(self):
        options = self.options
        pictures = options.image.split(",") if options.image else []
        sounds = options.audio.split(",") if options.audio else []
        if not pictures and not sounds:
            return
        import numpy as np
        from llama_cpp import mtmd_cpp as mtmd
        mtmd.mtmd_log_set(self.quiet, ctypes.c_void_p(0))
        params = mtmd.mtmd_context_params_default()
        params.use_gpu = False
        params.n_threads = options.threads
        params.warmup = False
        params.print_timings = False
        params.image_max_tokens = options.budget
        context = mtmd.mtmd_init_from_file(options.mmproj.encode(), self.model, params)
        if not context:
            sys.exit("the peer cannot load " + options.mmproj)
        noise = np.random.default_rng(1)
        jobs = []
        for picture in pictures:
            width, height = (int(part) for part in picture.split("x"))
            pixels = noise.integers(0, 256, width * height * 3, dtype=np.uint8)
            bitmap = mtmd.mtmd_bitmap_init(width, height, pixels.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)))
            jobs.append(("image %s <= %d" % (picture, options.budget), bitmap))
        for sound in sounds:
            samples = (noise.random(int(float(sound) * 16000), dtype=np.float32) - 0.5) * 0.5
            bitmap = mtmd.mtmd_bitmap_init_from_audio(len(samples), samples.ctypes.data_as(ctypes.POINTER(ctypes.c_float)))
            jobs.append(("audio %g s" % float(sound), bitmap))
        for test, bitmap in jobs:
            chunks = mtmd.mtmd_input_chunks_init()
            text = mtmd.mtmd_input_text()
            text.text = mtmd.mtmd_default_marker()
            text.text_len = len(text.text)
            text.add_special, text.parse_special = False, True
            bitmaps = (mtmd.mtmd_bitmap_p_ctypes * 1)(bitmap)
            if mtmd.mtmd_tokenize(context, chunks, ctypes.byref(text), bitmaps, 1):
                sys.exit("the peer cannot prepare " + test)
            seconds, soft = [], 0
            for _ in range(options.repetitions):
                spent = 0.0
                soft = 0
                for i in range(mtmd.mtmd_input_chunks_size(chunks)):
                    chunk = mtmd.mtmd_input_chunks_get(chunks, i)
                    if mtmd.mtmd_input_chunk_get_type(chunk) == 0:  # text
                        continue
                    start = time.perf_counter()
                    if mtmd.mtmd_encode_chunk(context, chunk):
                        sys.exit("the peer cannot encode " + test)
                    spent += time.perf_counter() - start
                    soft += mtmd.mtmd_input_chunk_get_n_tokens(chunk)
                seconds.append(spent)
            self.report(seconds, soft, test=test, n_soft=soft)


def name(test, depth):
    return "%s @ d%d" % (test, depth) if depth else test


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-m", "--model", required=True)
    parser.add_argument("-t", "--threads", type=int, default=os.cpu_count())
    parser.add_argument("-p", "--prompt", default="")
    parser.add_argument("-n", "--generate", default="")
    parser.add_argument("-d", "--depth", default="0")
    parser.add_argument("-r", "--repetitions", type=int, default=1)
    parser.add_argument("-ctk", "--cache", default="f16")
    parser.add_argument("--verify", default="")
    parser.add_argument("--load", action="store_true")
    parser.add_argument("--mmproj")
    parser.add_argument("--image", default="")
    parser.add_argument("--budget", type=int, default=280)
    parser.add_argument("--audio", default="")
    parser.add_argument("--version", action="store_true")
    options = parser.parse_args()
    random.seed(1)
    peer = Peer(options)
    if options.load:  # loading, a context, and one token; without the start of Python itself
        peer.new_context(4096)
        ready = time.perf_counter() - peer.started
        peer.decode(1, 0)
        peer.report([ready], 0, test="load", first_token_ms=1e3 * (time.perf_counter() - peer.started))
    peer.texts()
    peer.media()


if __name__ == "__main__":
    main()
