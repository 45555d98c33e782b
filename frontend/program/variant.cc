#include "frontend/program/variant.h"

#include "frontend/base/translate.h"
#include "frontend/compile/driver.h"

namespace sinter {

Variant::Variant(std::string name, DimSizes sizes, graph::Module graph,
                 std::vector<std::string> session_states, bool writes_state, Training training,
                 uint64_t identity)
    : name_(std::move(name)),
      sizes_(std::move(sizes)),
      graph_(std::move(graph)),
      session_states_(std::move(session_states)),
      writes_state_(writes_state),
      training_(std::move(training)),
      identity_(identity) {}

void Variant::settle(std::vector<graph::State> states) {
  training_.settle();
  for (const std::string& name : session_states_) states.push_back(*graph_.find_state(name));
  graph_.states = std::move(states);
}

Code& Variant::code(const backends::Device& device, const Attempt& attempt) {
  if (Code* known = code_.load(std::memory_order_acquire)) return *known;
  const std::lock_guard<std::mutex> lock(compiling_);
  if (!made_) {
    Attempt of_this = attempt;
    of_this.function = name_;
    made_.emplace(translated([&] {
      return bundled(graph_, of_this,
                     [&] { return compile_function(graph_, name_, device, attempt.options); });
    }));
    code_.store(&*made_, std::memory_order_release);
  }
  return *made_;
}

}  // namespace sinter
