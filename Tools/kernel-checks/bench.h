#ifndef RESIFT_BENCH_H
#define RESIFT_BENCH_H

void bench(void);

#endif
