#include "frontend/report/code.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "backends/registry/registry.h"
#include "ir/error.h"

namespace sinter {
namespace {

using loop::Step;

// The first launch of the kernel, in the loops around it.
std::optional<Step> first_launch(const std::vector<Step>& steps, size_t kernel) {
  for (const Step& step : steps) {
    if (step.kind == Step::Kind::launch) {
      if (step.kernel == kernel) return step;
    } else if (const auto inner = first_launch(step.body, kernel)) {
      Step around = step;
      around.body = {*inner};
      return around;
    }
  }
  return {};
}

// A program of that launch and what it needs, in which nothing tells of the others, nor which of them it is.
loop::Program alone(const loop::Program& program, Step launch) {
  loop::Program result;
  result.name = program.name;
  result.faults = program.faults;
  result.arena_bytes = program.arena_bytes;
  std::map<size_t, size_t> slots;
  Step* step = &launch;
  while (step->kind == Step::Kind::repeat) step = &step->body[0];
  result.kernels = {without_places(program.kernels[step->kernel])};
  step->kernel = 0;
  for (loop::Argument& argument : step->arguments) {
    const auto [slot, is_new] = slots.try_emplace(argument.slot, slots.size());
    if (is_new) {
      const loop::Slot& from = program.slots[argument.slot];
      result.slots.push_back({.kind = from.kind,
                              .type = from.type,
                              .elements = from.elements,
                              .ordinal = static_cast<int64_t>(slot->second),
                              .data = from.data});
    }
    argument.slot = slot->second;
  }
  result.steps = {std::move(launch)};
  return result;
}

}  // namespace

std::vector<std::string> code_kinds(std::string_view device) {
  for (const auto* backend : backends::all_backends()) {
    if (backend->name() == device.substr(0, device.find(':'))) return backend->texts();
  }
  return {};
}

loop::Kernel without_places(loop::Kernel kernel) {
  kernel.name.resize(std::min(kernel.name.find(" at "), kernel.name.size()));
  kernel.notes.clear();
  return kernel;
}

size_t KernelCode::add(const loop::Program& program, size_t kernel, std::string_view kind,
                       ReportTexts& texts) {
  std::optional<Step> launch = first_launch(program.steps, kernel);
  if (!launch) return texts.add("");
  const loop::Program shown = alone(program, *std::move(launch));
  const auto [known, is_new] = known_.try_emplace(std::pair(std::string(kind), loop::print(shown)), 0);
  if (is_new) {
    const auto expand = []() -> graph::Module { throw InternalError("loops have no graph"); };
    const auto lower = [&](const loop::Target&) { return shown; };
    known->second = texts.add(device_.text({shown.name, expand, lower}, kind));
  }
  return known->second;
}

}  // namespace sinter
