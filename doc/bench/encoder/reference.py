"""The yardstick: onnxruntime on the same int8 file, one thread, tokens to unit vectors.

Reads one JSON object a line and answers each with one. The first names the files:
{"model": FILE.onnx, "tokenizer": FILE.json, "pool": "cls" or "mean"}. The others hold
{"texts": [...], "batch": N, "vectors": bool}: the texts are encoded N at a time, and
the answer says what that took: {"cpu": seconds of this thread, "wall": seconds}.
"""

import json
import sys
import time

import numpy as np
import onnxruntime as ort
import tokenizers


def main():
    setup = json.loads(sys.stdin.readline())
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(setup["model"], options, providers=["CPUExecutionProvider"])
    tokenizer = tokenizers.Tokenizer.from_file(setup["tokenizer"])
    tokenizer.no_padding()
    tokenizer.enable_truncation(512)

    def encode(texts):
        encodings = tokenizer.encode_batch(texts) if len(texts) > 1 else [tokenizer.encode(texts[0])]
        longest = max(len(e.ids) for e in encodings)
        ids = np.zeros((len(texts), longest), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, e in enumerate(encodings):
            ids[row, : len(e.ids)] = e.ids
            mask[row, : len(e.ids)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = session.run(None, feed)[0]
        if setup["pool"] == "cls":
            pooled = states[:, 0]
        else:
            pooled = (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
        return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)

    print(json.dumps({"versions": f"onnxruntime {ort.__version__}, tokenizers {tokenizers.__version__}, "
                                  f"numpy {np.__version__}, python {sys.version.split()[0]}"}), flush=True)
    for line in sys.stdin:
        ask = json.loads(line)
        texts, size = ask["texts"], ask["batch"]
        vectors = []
        cpu, wall = time.thread_time(), time.perf_counter()
        for first in range(0, len(texts), size):
            vectors.extend(encode(texts[first : first + size]))
        answer = {"cpu": time.thread_time() - cpu, "wall": time.perf_counter() - wall}
        if ask.get("vectors"):
            answer["vectors"] = [v.tolist() for v in vectors]
        print(json.dumps(answer), flush=True)


main()
