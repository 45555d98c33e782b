#pragma once

#include <sinter/sinter.h>

#include <string>
#include <vector>

namespace sinter::bench {

// A function to time. What its body refers to, the body holds.
struct Workload {
  std::vector<Input> inputs;  // floats are drawn from N(0, 1), integers from 0 .. classes-1
  Program::Body body;
  FunctionOptions options = {};
  double flops = 0;  // of its contractions; 0 where it has none
  int32_t classes = 1;
};

struct FlagshipSizes {
  int64_t batch = 32;
};
// One training step of the attention classifier: sentences of 10 words with 64 features, 5 classes a word.
Workload flagship(const FlagshipSizes& sizes = {});
// The same model, forward, for one sentence.
Workload infer1();
struct NanogptSizes {
  int64_t layers = 4;
  int64_t width = 128;
  int64_t heads = 4;
  int64_t context = 64;
  int64_t batch = 12;
  int64_t characters = 65;
};
// One training step of a character model.
Workload nanogpt(const NanogptSizes& sizes = {});
// Forward, and unless `forward` backward, of one pre-norm GPT block: batch 8, 256 tokens, 512 wide, 8 heads,
// causal.
Workload block(bool forward);
struct RowsSizes {
  int64_t rows = 4096;
  int64_t width = 1024;
};
// Layer norm → GELU → softmax, forward and backward.
Workload rows(const RowsSizes& sizes = {});
// Attention, 1 x 8 heads x length x 64, forward and backward.
Workload sdpa(int64_t length, bool causal);
// C[m, n] = A[m, k] * B[k, n]; what is transposed lies in memory as [k, m] or [n, k].
Workload gemm(int64_t m, int64_t n, int64_t k, bool transposed_a = false, bool transposed_b = false);

// By a name of workload_names(). Throws Error.
Workload workload(const std::string& name);
std::string workload_names();

}  // namespace sinter::bench
