#include <fmt/format.h>
#include <sinter/control.h>
#include <sinter/elementwise.h>
#include <sinter/error.h>
#include <sinter/reductions.h>
#include <sinter/sources.h>
#include <sinter/training/optimizer.h>

#include <algorithm>

#include "frontend/trace/emit.h"
#include "frontend/training/training_state.h"

namespace sinter {

namespace {

// The group that a parameter is in; null where it is in none.
const ParameterGroup* group_of(const Variable* parameter, const std::vector<ParameterGroup>& groups) {
  const auto has = [&](const ParameterGroup& group) {
    return std::ranges::count(group.parameters.all(), parameter) != 0;
  };
  const auto found = std::ranges::find_if(groups, has);
  return found == groups.end() ? nullptr : &*found;
}

void check_clips(const Ranges& ranges, const std::optional<double>& value,
                 const std::optional<double>& norm) {
  if (value) ranges.require(*value > 0, "clip_value", "above 0", *value);
  if (norm) ranges.require(*norm > 0, "clip_norm", "above 0", *norm);
}

void check_groups(const Ranges& ranges, const std::vector<ParameterGroup>& groups) {
  for (const ParameterGroup& group : groups) {
    ranges.not_negative("rate", group.rate);
    if (group.weight_decay) ranges.not_negative("weight_decay", *group.weight_decay);
    check_clips(ranges, group.clip_value, group.clip_norm);
    for (const Variable* parameter : group.parameters.all()) {
      if (group_of(parameter, groups) == &group) continue;
      ranges.fail(fmt::format("'{}' is in two groups", parameter->path()));
    }
  }
}

// The gradients of a group as it clips them.
void clip(const ParameterGroup& group, const Parameters& parameters, std::vector<Tensor>& gradients) {
  std::vector<size_t> places;
  std::vector<Tensor> own;
  for (size_t i = 0; i < gradients.size(); ++i) {
    if (std::ranges::count(group.parameters.all(), parameters.all()[i]) == 0) continue;
    places.push_back(i);
    own.push_back(gradients[i]);
  }
  if (own.empty()) return;
  if (group.clip_value) own = clip_by_value(own, *group.clip_value);
  if (group.clip_norm) own = clip_by_global_norm(own, *group.clip_norm).gradients;
  for (size_t i = 0; i < places.size(); ++i) gradients[places[i]] = own[i];
}

}  // namespace

Optimizer::Optimizer(std::string name, LearningRate rate, const std::source_location& where)
    : name_(std::move(name)), rate_(std::move(rate)), states_(std::make_unique<TrainingStates>()) {
  const Ranges ranges("Optimizer", where);
  check_name_of_state(ranges, name_);
}
Optimizer::~Optimizer() = default;

Variable& Optimizer::moment(const std::string& what, const Variable& parameter) {
  return moment(what, parameter, parameter.shape());
}

Variable& Optimizer::moment(const std::string& what, const Variable& parameter, const Shape& shape) {
  return states_->at(fmt::format("{}.{}.{}", name_, what, parameter.path()), parameter.dtype(), shape);
}

Update Optimizer::minimize(Operand operand, const MinimizeOptions& options) {
  const Call call("minimize", name_, operand.where());
  const Ranges ranges = ranges_at("minimize", operand.where());
  check_clips(ranges, options.clip_value, options.clip_norm);
  check_groups(ranges, options.groups);
  std::vector<const Variable*> trained =
      Trace::current("minimize", operand.where()).trainable_reads(options.parameters);
  std::erase_if(trained, [&](const Variable* parameter) {
    const ParameterGroup* group = group_of(parameter, options.groups);
    return group != nullptr && group->frozen;
  });
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
  for (const ParameterGroup& group : options.groups) clip(group, parameters, gradients);
  if (options.clip_value) gradients = clip_by_value(gradients, *options.clip_value);
  if (options.clip_norm) {
    ClippedGradients clipped = clip_by_global_norm(gradients, *options.clip_norm);
    gradients = std::move(clipped.gradients);
    result.gradient_norm = clipped.norm;
  }
  result.learning_rate = apply(parameters, gradients, options.learning_rate, options.groups);
  return result;
}

Tensor Optimizer::apply(const Parameters& parameters, Operands gradients, const Tensor& learning_rate,
                        const std::vector<ParameterGroup>& groups) {
  const Call call("apply", name_, gradients.where());
  check_groups(ranges_at("apply", gradients.where()), groups);
  Trace& trace = Trace::current(name_, gradients.where());
  const std::vector<const Variable*>& all = parameters.all();
  if (all.size() != gradients.all().size()) {
    call.fail(fmt::format("{} parameters and {} gradients", all.size(), gradients.all().size()));
  }
  Variable& made = states_->at(name_ + ".step", i32, {});
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
    const ParameterGroup* group = group_of(all[i], groups);
    const bool has_rate = group != nullptr && group->rate != 1;
    slots.push_back({*all[i], value, gradient, has_rate ? rate * group->rate : rate,
                     group != nullptr ? group->weight_decay : std::nullopt});
  }
  const std::vector<Tensor> results = update(slots, cast(updates, f32));
  for (size_t i = 0; i < results.size(); ++i) trace.update(slots[i].parameter, results[i], gradients.where());
  return rate;
}

std::vector<const Variable*> used_parameters() {
  return Trace::current("used_parameters", std::source_location()).trainable_reads();
}

std::vector<Tensor> clip_by_value(Operands gradients, double most) {
  const Pin pin("clip_by_value", gradients.where());
  ranges_at("clip_by_value", gradients.where()).require(most > 0, "most", "above 0", most);
  std::vector<Tensor> clipped;
  for (const Operand& gradient : gradients.all()) clipped.push_back(clamp(gradient, -most, most));
  return clipped;
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
