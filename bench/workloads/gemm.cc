#include "bench/workloads/flops.h"
#include "bench/workloads/workload.h"

namespace sinter::bench {

Workload gemm(int64_t m, int64_t n, int64_t k, bool transposed_a, bool transposed_b) {
  const auto input = [](const char* name, int64_t rows, int64_t columns, bool is_transposed) {
    return is_transposed ? Input{name, f32, {columns, rows}} : Input{name, f32, {rows, columns}};
  };
  return {
      .inputs = {input("a", m, k, transposed_a), input("b", k, n, transposed_b)},
      .body = [=](const Inputs& in) -> Outputs {
        const Tensor a = transposed_a ? swap_axes(in["a"], 0, 1) : in["a"];
        const Tensor b = transposed_b ? swap_axes(in["b"], 0, 1) : in["b"];
        return {{"c", matmul(a, b)}};
      },
      .flops = linear_flops(static_cast<double>(m), static_cast<double>(k), static_cast<double>(n)),
  };
}

}  // namespace sinter::bench
