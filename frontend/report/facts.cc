#include "frontend/report/facts.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "frontend/report/code.h"
#include "ir/loop/parts.h"
#include "passes/explain/explain.h"

namespace sinter {
namespace {

using Json = nlohmann::ordered_json;
using loop::Slot;
using loop::Step;

// A note of a kernel in its parts: "add model.cc:31, in attention.query".
Json op_of(const std::string& note) {
  const size_t space = std::min(note.find(' '), note.size());
  std::string place = note.substr(std::min(space + 1, note.size()));
  std::string module;
  const size_t in = place.starts_with("in ") ? 0 : place.find(", in ");
  if (in != std::string::npos) {
    module = place.substr(place.find("in ", in) + 3);
    place.resize(in);
  }
  return {{"op", note.substr(0, space)}, {"place", place}, {"module", module}, {"times", 1}};
}

// The ops of a kernel in their order, those that say the same once.
Json ops_of(const loop::Kernel& kernel) {
  std::vector<std::pair<std::string, int>> counts;
  for (const std::string& note : kernel.notes) {
    const auto found = std::ranges::find(counts, note, &std::pair<std::string, int>::first);
    found == counts.end() ? void(counts.emplace_back(note, 1)) : void(++found->second);
  }
  Json ops = Json::array();
  for (const auto& [note, times] : counts) ops.emplace_back(op_of(note))["times"] = times;
  return ops;
}

Json kernel_facts(const loop::Kernel& kernel, int64_t launches, ReportTexts& texts) {
  return {{"name", kernel.name},
          {"anchor", kernel.anchor},
          {"choices", kernel.choices},
          {"ops", ops_of(kernel)},
          {"apart", kernel.apart},
          {"flops", kernel.flops},
          {"bytes", kernel.bytes},
          {"units", loop::units_of(kernel)},
          {"launches", launches},
          {"arguments", Json::array()},
          {"texts", {{"loops", texts.add(loop::print(without_places(kernel)))}}}};
}

std::string kind_of(const Slot& slot) {
  switch (slot.kind) {
    case Slot::Kind::input:
      return "input";
    case Slot::Kind::output:
      return "output";
    case Slot::Kind::state:
      return "state";
    case Slot::Kind::arena:
      return "arena";
    case Slot::Kind::constant:
      return "constant";
  }
  return "";
}

Json slot_facts(const Slot& slot) {
  Json facts = {{"kind", kind_of(slot)},
                {"name", slot.name},
                {"type", std::string(loop::name(slot.type))},
                {"elements", slot.elements},
                {"bytes", slot.bytes()}};
  if (slot.kind != Slot::Kind::arena) return facts;
  facts["offset"] = slot.offset;
  facts["origin"] = slot.origin;
  facts["first"] = slot.first_step;
  facts["last"] = slot.last_step;
  return facts;
}

// Kernels by the steps that launch them, numbered as lifetimes are, and their arguments as the first of these
// has them.
void add_launches(const std::vector<Step>& steps, int64_t& time, Json& launches, Json& kernels,
                  const loop::Program& program) {
  for (const Step& step : steps) {
    ++time;
    if (step.kind == Step::Kind::repeat) {
      --time;
      add_launches(step.body, time, launches, kernels, program);
      ++time;
      continue;
    }
    if (step.kind != Step::Kind::launch) continue;  // what ranks make together
    launches.push_back({{"step", time}, {"kernel", step.kernel}});
    Json& arguments = kernels[step.kernel]["arguments"];
    if (!arguments.empty()) continue;
    const loop::Kernel& kernel = program.kernels[step.kernel];
    for (size_t i = 0; i < step.arguments.size(); ++i) {
      const loop::BufferRef& buffer = kernel.arguments.at(i);
      arguments.push_back(
          {{"buffer", buffer->name}, {"slot", step.arguments[i].slot}, {"written", buffer->written}});
    }
  }
}

Json signature(const std::vector<loop::Signature>& values) {
  Json list = Json::array();
  for (const auto& [name, type] : values) list.push_back({{"name", name}, {"type", graph::to_string(type)}});
  return list;
}

}  // namespace

Json facts_of(const loop::Program& program, std::span<const runtime::KernelTime> times, ReportTexts& texts) {
  const std::vector<int64_t> counts = passes::launches_a_call(program);
  Json kernels = Json::array(), slots = Json::array(), launches = Json::array();
  for (size_t i = 0; i < program.kernels.size(); ++i)
    kernels.push_back(kernel_facts(program.kernels[i], counts[i], texts));
  for (const Slot& slot : program.slots) slots.push_back(slot_facts(slot));
  int64_t time = 0;
  add_launches(program.steps, time, launches, kernels, program);
  for (const runtime::KernelTime& taken : times) {
    if (taken.kernel->function != program.name) continue;
    kernels.at(taken.kernel->number)["time"] = {{"launches", taken.launches},
                                                {"nanoseconds", taken.nanoseconds},
                                                {"threads", taken.parts_nanoseconds}};
  }
  return {{"name", program.name},
          {"inputs", signature(program.inputs)},
          {"outputs", signature(program.outputs)},
          {"arena", program.arena_bytes},
          {"kernels", std::move(kernels)},
          {"launches", std::move(launches)},
          {"slots", std::move(slots)}};
}

}  // namespace sinter
