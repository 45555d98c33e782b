#include <fmt/format.h>
#include <sinter/nn/sequential.h>

#include "frontend/nn/options.h"

namespace sinter::nn {

Sequential& Sequential::add(Step step) {
  if (!step) Ranges("Sequential", where_, path()).fail(fmt::format("step {} is no function", steps_.size()));
  steps_.push_back(std::move(step));
  return *this;
}

Sequential& Sequential::add(Tensor (*function)(Operand x)) {
  return add(Step([function](const Tensor& x) { return function(x); }));
}

Tensor Sequential::operator()(Operand operand) const {
  const Scope scope(*this);
  Tensor x = operand.tensor();
  for (const Step& step : steps_) x = step(x);
  return x;
}

}  // namespace sinter::nn
