#include "passes/explain/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ir/integers.h"
#include "ir/loop/parts.h"

namespace sinter::passes {

using loop::Slot;

namespace {

std::string rate(double value, const char* unit) {
  const char* prefix = "";
  for (const char* next : {"k", "M", "G"}) {
    if (value < 1000) break;
    value /= 1000;
    prefix = next;
  }
  return fmt::format("{:.3g} {}{}", value, prefix, unit);
}

// Notes that say the same, once, with how often.
std::string counted(const std::vector<std::string>& notes) {
  std::vector<std::pair<std::string, int>> list;
  for (const std::string& note : notes) {
    const auto it =
        std::find_if(list.begin(), list.end(), [&](const auto& entry) { return entry.first == note; });
    if (it == list.end()) {
      list.push_back({note, 1});
    } else {
      ++it->second;
    }
  }
  std::string text;
  for (const auto& [note, count] : list) {
    text += fmt::format("      {}{}\n", note, count > 1 ? fmt::format("  x{}", count) : "");
  }
  return text;
}

void count_launches(const std::vector<loop::Step>& steps, int64_t times, std::vector<int64_t>& launches) {
  for (const loop::Step& step : steps) {
    if (step.kind == loop::Step::Kind::launch) {
      launches.at(step.kernel) += times;
    } else {
      count_launches(step.body, times * step.count, launches);
    }
  }
}

std::vector<const Slot*> alive_at(const loop::Program& program, int64_t step) {
  std::vector<const Slot*> slots;
  for (const Slot& slot : program.slots) {
    if (slot.kind == Slot::Kind::arena && slot.first_step <= step && step <= slot.last_step)
      slots.push_back(&slot);
  }
  return slots;
}

int64_t sum_of(const std::vector<const Slot*>& slots, int64_t alignment) {
  int64_t bytes = 0;
  for (const Slot* slot : slots) bytes += round_up(slot->bytes(), alignment);
  return bytes;
}

int64_t busiest_step(const loop::Program& program, int64_t alignment) {
  int64_t best = 0, most = -1;
  for (const Slot& slot : program.slots) {
    if (slot.kind != Slot::Kind::arena) continue;
    const int64_t bytes = sum_of(alive_at(program, slot.first_step), alignment);
    if (bytes <= most) continue;
    most = bytes;
    best = slot.first_step;
  }
  return best;
}

}  // namespace

std::vector<int64_t> launches_a_call(const loop::Program& program) {
  std::vector<int64_t> launches(program.kernels.size(), 0);
  count_launches(program.steps, 1, launches);
  return launches;
}

std::string explain(const loop::Program& program) {
  const std::vector<int64_t> launches = launches_a_call(program);
  std::string text = fmt::format("{}: {} kernels, arena {}\n", program.name, program.kernels.size(),
                                 rate(static_cast<double>(program.arena_bytes), "B"));
  for (size_t i = 0; i < program.kernels.size(); ++i) {
    const loop::Kernel& kernel = program.kernels[i];
    text += fmt::format("  {:3} {:9} {}\n", i, kernel.anchor, kernel.name);
    const int64_t units = loop::units_of(kernel);
    text += fmt::format("      {}, {}, {} unit{}", rate(kernel.flops, "flop"), rate(kernel.bytes, "B"), units,
                        units == 1 ? "" : "s");
    if (units > 1) text += fmt::format(" of {}", rate(kernel.flops / static_cast<double>(units), "flop"));
    if (launches[i] != 1) text += fmt::format(", {} times a call", launches[i]);
    text += "\n" + counted(kernel.notes);
    for (const std::string& reason : kernel.apart) text += fmt::format("      apart: {}\n", reason);
  }
  return text;
}

int64_t peak_alive_bytes(const loop::Program& program, int64_t alignment) {
  return sum_of(alive_at(program, busiest_step(program, alignment)), alignment);
}

std::string explain_memory(const loop::Program& program) {
  const int64_t step = busiest_step(program, 1);
  std::vector<const Slot*> slots = alive_at(program, step);
  std::stable_sort(slots.begin(), slots.end(),
                   [](const Slot* a, const Slot* b) { return a->bytes() > b->bytes(); });
  std::string text = fmt::format("{}: arena {} bytes; {} bytes alive at step {}:\n", program.name,
                                 program.arena_bytes, sum_of(slots, 1), step);
  for (const Slot* slot : slots) {
    text += fmt::format("  {:10} bytes at {:10}  {}{}\n", slot->bytes(), slot->offset, slot->name,
                        slot->origin.empty() ? "" : fmt::format(" ({})", slot->origin));
  }
  return text;
}

}  // namespace sinter::passes
