"""llama.cpp's HTTP server, from the package xllamacpp.

usage: llama_server.py MODEL.gguf PORT CONTEXT [--rerank]
"""

import sys
import time

import xllamacpp

model, port, context = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
parameters = xllamacpp.CommonParams()
parameters.model.path = model
parameters.hostnames = ["127.0.0.1"] if isinstance(parameters.hostnames, list) else parameters.hostnames
parameters.port = port
parameters.n_ctx = context
if "--rerank" in sys.argv:
    parameters.embedding = True
    parameters.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_RANK
    parameters.n_batch = context
    parameters.n_ubatch = context
parameters.n_parallel = 1
parameters.warmup = False
parameters.cpuparams.n_threads = 2
server = xllamacpp.Server(parameters)
print(server.listening_address, flush=True)
while True:
    time.sleep(3600)
