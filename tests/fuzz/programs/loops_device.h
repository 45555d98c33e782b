#pragma once

#include "backends/backend.h"
#include "ir/loop/target.h"

namespace sinter::fuzz {

// Runs the loops that a function becomes for a machine that need not be at hand, in the interpreter, which
// watches bounds, barriers and races.
class LoopsDevice final : public backends::Device {
 public:
  explicit LoopsDevice(loop::Target target) : target_(std::move(target)) {}

  std::unique_ptr<runtime::StateStore> make_state(const std::vector<graph::State>& states) const override;
  std::unique_ptr<runtime::Executable> compile(const backends::Source& source) const override;
  loop::Target target() const override { return target_; }

 private:
  loop::Target target_;
};

}  // namespace sinter::fuzz
