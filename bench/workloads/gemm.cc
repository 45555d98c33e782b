#include "bench/workloads/flops.h"
#include "bench/workloads/workload.h"

namespace sinter::bench {

Workload gemm(int64_t m, int64_t n, int64_t k) {
  return {
      .inputs = {{"a", f32, {m, k}}, {"b", f32, {k, n}}},
      .body = [](const Inputs& in) -> Outputs {
        return {{"c", matmul(in["a"], in["b"])}};
      },
      .flops = linear_flops(static_cast<double>(m), static_cast<double>(k), static_cast<double>(n)),
  };
}

}  // namespace sinter::bench
