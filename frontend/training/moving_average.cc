#include <fmt/format.h>
#include <sinter/elementwise.h>
#include <sinter/training/moving_average.h>

#include "frontend/base/ranges.h"
#include "frontend/trace/emit.h"
#include "frontend/training/training_state.h"

namespace sinter {

MovingAverage::MovingAverage(MovingAverageOptions options, std::source_location where)
    : options_(std::move(options)), states_(std::make_unique<TrainingStates>()) {
  const Ranges ranges("MovingAverage", where);
  ranges.below_one("decay", options_.decay);
  check_name_of_state(ranges, options_.name);
}
MovingAverage::~MovingAverage() = default;

Variable& MovingAverage::step() const {
  return states_->at(options_.name + ".step", i32, {});
}

Variable& MovingAverage::average_of(const Variable& parameter) const {
  return states_->at(fmt::format("{}.{}", options_.name, parameter.path()), parameter.dtype(),
                     parameter.shape());
}

void MovingAverage::update(const Parameters& parameters, std::source_location where) {
  const Call call("update", options_.name, where);
  Variable& made = step();
  if (const auto first = Trace::current("update", where).assigned_at(made)) {
    call.fail(
        fmt::format("'{}' is updated once in a function, first at {}", options_.name, to_string(*first)));
  }
  const Tensor before = made;
  for (const Variable* parameter : parameters.all()) {
    Variable& average = average_of(*parameter);
    const Tensor now = *parameter;
    const Tensor moved = average * options_.decay + now * (1 - options_.decay);
    average.assign(sinter::where(before == 0, now, moved));
  }
  made.assign(before + 1);
}

Tensor MovingAverage::of(const Variable& parameter, std::source_location where) {
  const Call call("of", options_.name, where);
  const Tensor updates = step();
  const Tensor average = average_of(parameter), now = parameter;
  return sinter::where(updates == 0, now, average);
}

MovingAverage::Use::Use(MovingAverage& average, const Parameters& parameters, std::source_location where) {
  Trace& trace = Trace::current("MovingAverage::Use", where);
  for (const Variable* parameter : parameters.all()) {
    trace.replace(*parameter, average.of(*parameter, where));
    replaced_.push_back(parameter);
  }
}

MovingAverage::Use::~Use() {
  Trace* trace = Trace::active();
  for (const Variable* parameter : replaced_) {
    if (trace != nullptr) trace->restore(*parameter);
  }
}

}  // namespace sinter
