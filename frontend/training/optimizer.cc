#include <fmt/format.h>
#include <sinter/control.h>
#include <sinter/elementwise.h>
#include <sinter/error.h>
#include <sinter/reductions.h>
#include <sinter/sources.h>
#include <sinter/training/optimizer.h>

#include <algorithm>
#include <cctype>

#include "frontend/trace/emit.h"

namespace sinter {

// State that an optimiser keeps; zero when a program begins.
class Optimizer::State final : public Variable {
 public:
  State(std::string path, DType type, Shape shape)
      : Variable(type, std::move(shape), Initializer::zeros(), false), path_(std::move(path)) {}

  std::string path() const override { return path_; }

 private:
  std::string path_;
};

Optimizer::Optimizer(std::string name, LearningRate rate, const std::source_location& where)
    : name_(std::move(name)), rate_(std::move(rate)) {
  const Ranges ranges("Optimizer", where);
  const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  const bool named = !name_.empty() && std::isdigit(static_cast<unsigned char>(name_[0])) == 0 &&
                     std::all_of(name_.begin(), name_.end(), fits);
  ranges.require(named, "name", "of letters, digits and '_'", fmt::format("'{}'", name_));
}
Optimizer::~Optimizer() = default;

Optimizer::State& Optimizer::state(const std::string& path, DType type, const Shape& shape) {
  auto& state = states_[path];
  if (state == nullptr) state = std::make_unique<State>(path, type, shape);
  return *state;
}

Variable& Optimizer::moment(const std::string& what, const Variable& parameter) {
  return moment(what, parameter, parameter.shape());
}

Variable& Optimizer::moment(const std::string& what, const Variable& parameter, const Shape& shape) {
  return state(fmt::format("{}.{}.{}", name_, what, parameter.path()), parameter.dtype(), shape);
}

Update Optimizer::minimize(Operand operand, const MinimizeOptions& options) {
  const Call call("minimize", name_, operand.where());
  if (options.clip_norm) {
    ranges_at("minimize", operand.where())
        .require(*options.clip_norm > 0, "clip_norm", "above 0", *options.clip_norm);
  }
  const std::vector<const Variable*> trained =
      Trace::current("minimize", operand.where()).trainable_reads(options.parameters);
  if (trained.empty()) {
    call.fail(options.parameters.given() ? "no trainable one of the parameters is used so far"
                                         : "the loss is made from no trainable parameter");
  }
  const Parameters parameters(trained);
  Update result;
  result.loss = options.check_finite ? check_finite(operand, "loss") : operand.tensor();
  std::vector<Tensor> gradients = grad(Operand(result.loss, operand.where()), parameters);
  if (options.check_finite) {
    for (size_t i = 0; i < gradients.size(); ++i) {
      gradients[i] = check_finite(gradients[i], fmt::format("gradient of '{}'", trained[i]->path()));
    }
  }
  if (options.clip_norm) {
    ClippedGradients clipped = clip_by_global_norm(gradients, *options.clip_norm);
    gradients = std::move(clipped.gradients);
    result.gradient_norm = clipped.norm;
  }
  result.learning_rate = apply(parameters, gradients, options.learning_rate);
  return result;
}

Tensor Optimizer::apply(const Parameters& parameters, Operands gradients, const Tensor& learning_rate) {
  const Call call("apply", name_, gradients.where());
  Trace& trace = Trace::current(name_, gradients.where());
  const std::vector<const Variable*>& all = parameters.all();
  if (all.size() != gradients.all().size()) {
    call.fail(fmt::format("{} parameters and {} gradients", all.size(), gradients.all().size()));
  }
  State& made = state(name_ + ".step", i32, {});
  if (const auto first = trace.assigned_at(made)) {
    call.fail(fmt::format("'{}' updates once in a function, first at {}", name_, to_string(*first)));
  }
  const Tensor before = made;
  const Tensor updates = before + 1;
  made.assign(updates);
  const Tensor rate = learning_rate.defined() ? learning_rate : rate_.at(cast(before, f32));
  if (rate.dtype() != f32 || rate.rank() != 0) {
    call.fail(fmt::format("the learning rate is f32[], got {}", rate.type()));
  }

  std::vector<Slot> slots;
  for (size_t i = 0; i < all.size(); ++i) {
    if (!trace.may_train(*all[i])) continue;
    const Tensor value = *all[i], gradient = gradients.all()[i].tensor();
    if (gradient.dtype() != value.dtype() || gradient.shape() != value.shape()) {
      call.fail(fmt::format("'{}' is {}, its gradient {}", all[i]->path(), value.type(), gradient.type()));
    }
    slots.push_back({*all[i], value, gradient});
  }
  const std::vector<Tensor> results = update(slots, {rate, cast(updates, f32)});
  for (size_t i = 0; i < results.size(); ++i) trace.update(slots[i].parameter, results[i], gradients.where());
  return rate;
}

std::vector<const Variable*> used_parameters() {
  return Trace::current("used_parameters", std::source_location()).trainable_reads();
}

ClippedGradients clip_by_global_norm(Operands gradients, double max_norm) {
  const Pin pin("clip_by_global_norm", gradients.where());
  ranges_at("clip_by_global_norm", gradients.where()).require(max_norm > 0, "max_norm", "above 0", max_norm);
  ClippedGradients result;
  Tensor squares;
  for (const Operand& gradient : gradients.all()) {
    const Tensor one = sum(square(gradient));
    squares = squares.defined() ? squares + cast(one, squares.dtype()) : one;
  }
  if (!squares.defined()) return result;
  result.norm = sqrt(squares);
  const Tensor factor = minimum(max_norm / (result.norm + 1e-6), 1.0);
  for (const Operand& gradient : gradients.all()) {
    const Tensor tensor = gradient.tensor();
    result.gradients.push_back(tensor * cast(factor, tensor.dtype()));
  }
  return result;
}

}  // namespace sinter
