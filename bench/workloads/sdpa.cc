#include "bench/workloads/flops.h"
#include "bench/workloads/gradients.h"
#include "bench/workloads/workload.h"

namespace sinter::bench {

Workload sdpa(int64_t length, bool causal) {
  constexpr int64_t kHeads = 8;
  constexpr int64_t kWidth = 64;
  const std::vector<Extent> shape{1, kHeads, length, kWidth};
  return {
      .inputs = {{"q", f32, shape}, {"k", f32, shape}, {"v", f32, shape}, {"dy", f32, shape}},
      .body = [causal](const Inputs& in) -> Outputs {
        const Tensor y = attention(in["q"], in["k"], in["v"], {.causal = causal});
        return with_gradients(y, in["dy"], {{"q", in["q"]}, {"k", in["k"]}, {"v", in["v"]}});
      },
      .flops = kTrainingAttention* attention_flops(1, kHeads, static_cast<double>(length), kWidth, causal),
  };
}

}  // namespace sinter::bench
