#include <memory>

#include "bench/workloads/gradients.h"
#include "bench/workloads/workload.h"

namespace sinter::bench {

Workload rows(const RowsSizes& sizes) {
  struct Model : nn::Module {
    explicit Model(int64_t width) : norm(*this, "norm", width) {}
    nn::LayerNorm norm;
  };
  auto model = std::make_shared<Model>(sizes.width);
  return {
      .inputs = {{"x", f32, {sizes.rows, sizes.width}}, {"dy", f32, {sizes.rows, sizes.width}}},
      .body = [model](const Inputs& in) -> Outputs {
        return with_gradients(softmax(gelu(model->norm(in["x"]))), in["dy"],
                              {{"x", in["x"]}, {"scale", model->norm.scale}, {"bias", *model->norm.bias}});
      },
  };
}

}  // namespace sinter::bench
