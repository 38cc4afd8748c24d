"""All vectors of a folder's passages: groundwork beside onnxruntime, same texts, same threads.

    python bulk.py GROUNDWORK MODELS TEXTS.jsonl THREADS ROUNDS

GROUNDWORK is the binary, MODELS the folder of bge-small-en-v1.5-q.onnx and its tokenizer,
TEXTS lines of {"id", "text"}. Prints seconds of each round, interleaved: groundwork model
embed (texts shared out among THREADS), then onnxruntime with THREADS, text by text and in
batches of 16 sorted by length. Needs onnxruntime==1.32.0 tokenizers==0.23.3 numpy==2.4.6.
"""
import json, os, subprocess, sys, tempfile, time
import numpy as np, onnxruntime as ort
from tokenizers import Tokenizer

program, models, file, threads, rounds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
texts = [json.loads(line)["text"] for line in open(file)]
tokenizer = Tokenizer.from_file(os.path.join(models, "bge-small-en-v1.5-q-tokenizer.json"))
tokenizer.enable_truncation(512)
options = ort.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
session = ort.InferenceSession(os.path.join(models, "bge-small-en-v1.5-q.onnx"), options)


def theirs(batch):
    began = time.time()
    ids = sorted((tokenizer.encode(t).ids for t in texts), key=len)
    for i in range(0, len(ids), batch):
        part = ids[i:i + batch]
        width = max(map(len, part))
        x = np.zeros((len(part), width), np.int64)
        mask = np.zeros_like(x)
        for k, row in enumerate(part):
            x[k, :len(row)], mask[k, :len(row)] = row, 1
        session.run(None, {"input_ids": x, "attention_mask": mask, "token_type_ids": np.zeros_like(x)})
    return time.time() - began


def ours(home):
    with open(file) as f:
        began = time.time()
        subprocess.run([program, "--home", home, "--config", os.path.join(home, "config.yaml"), "model", "embed", "--jsonl"], stdin=f, stdout=subprocess.DEVNULL, check=True)
        return time.time() - began


with tempfile.TemporaryDirectory() as home:
    open(os.path.join(home, "config.yaml"), "w").write("encoder: {threads: %d}\n" % threads)
    for _ in range(rounds):
        a, b, c = ours(home), theirs(1), theirs(16)
        print("%d texts, %d threads: groundwork %.1f s, onnxruntime one by one %.1f s, in 16s %.1f s: %.2f times as fast" % (len(texts), threads, a, b, c, min(b, c) / a), flush=True)
