"""llama.cpp's HTTP server, from the package xllamacpp, with reranking.

usage: llama_server.py MODEL.gguf PORT
"""

import sys
import time

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.hostnames = ["127.0.0.1"] if isinstance(parameters.hostnames, list) else parameters.hostnames
parameters.port = int(sys.argv[2])
parameters.embedding = True
parameters.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_RANK
parameters.n_ctx = 512
parameters.n_batch = 512
parameters.n_ubatch = 512
parameters.n_parallel = 1
parameters.warmup = False
parameters.cpuparams.n_threads = 2
server = xllamacpp.Server(parameters)
print(server.listening_address, flush=True)
while True:
    time.sleep(3600)
