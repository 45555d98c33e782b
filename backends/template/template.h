#pragma once

#include "backends/backend.h"
#include "ir/loop/target.h"

// A backend to begin another one with: it compiles, and does nothing of its own. Loops are not made into code
// here, but run as they are by the interpreter of loops, one statement after the other. docs/adding.md says
// what to put in the place of what.
namespace sinter::skeleton {

// A device that is described by `target`, as loops are scheduled for it.
class Device final : public backends::Device {
 public:
  explicit Device(loop::Target target) : target_(std::move(target)) {}

  std::unique_ptr<runtime::StateStore> make_state(const std::vector<graph::State>& states) const override;
  std::unique_ptr<runtime::Executable> compile(const backends::Source& source) const override;
  loop::Target target() const override { return target_; }

 private:
  loop::Target target_;
};

// "template": for registry.cc, which leaves it out.
const backends::Backend& backend();

}  // namespace sinter::skeleton
