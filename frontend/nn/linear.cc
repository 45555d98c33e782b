#include <sinter/functional.h>
#include <sinter/nn/linear.h>
#include <sinter/reductions.h>

#include "frontend/nn/options.h"
#include "frontend/trace/takes.h"

namespace sinter::nn {

Linear::Linear(Module& owner, Name name, int64_t in, int64_t out, LinearOptions options)
    : Module(owner, checked("Linear", owner, name,
                            [&](const Ranges& ranges) {
                              ranges.at_least(1, "in", in);
                              ranges.at_least(1, "out", out);
                            })),
      weight(*this, "weight", {in, out}, begun(options.weight_initializer, in, out, in)) {
  if (options.bias) bias.emplace(*this, "bias", Shape{out}, begun(options.bias_initializer, in, out, in));
}

Tensor Linear::operator()(Operand x) const {
  const Call call("Linear", *this, x.where());
  check_takes(call, "x", x.tensor(), weight.dtype(), {"...", weight.shape()[0]});
  const Tensor y = matmul(x, weight);
  return bias ? y + *bias : y;
}

Dropout::Dropout(Module& owner, Name name, double rate)
    : Module(owner,
             checked("Dropout", owner, name, [&](const Ranges& ranges) { ranges.fraction("rate", rate); })),
      rate_(rate) {}

Tensor Dropout::operator()(Operand x) const {
  const Call call("Dropout", *this, x.where());
  check_floating(call, "x", x.tensor());
  return dropout(x, rate_);
}

}  // namespace sinter::nn
