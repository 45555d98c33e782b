#include <memory>

#include "bench/workloads/gradients.h"
#include "bench/workloads/workload.h"

namespace sinter::bench {

Workload rows() {
  constexpr int64_t kRows = 4096;
  constexpr int64_t kWidth = 1024;
  struct Model : nn::Module {
    nn::LayerNorm norm{*this, "norm", kWidth};
  };
  auto model = std::make_shared<Model>();
  return {
      .inputs = {{"x", f32, {kRows, kWidth}}, {"dy", f32, {kRows, kWidth}}},
      .body = [model](const Inputs& in) -> Outputs {
        return with_gradients(softmax(gelu(model->norm(in["x"]))), in["dy"],
                              {{"x", in["x"]}, {"scale", model->norm.scale}, {"bias", *model->norm.bias}});
      },
  };
}

}  // namespace sinter::bench
