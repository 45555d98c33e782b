#include "frontend/trace/state_table.h"

#include <fmt/format.h>
#include <sinter/error.h>

#include <algorithm>

#include "frontend/base/convert.h"

namespace sinter {

void Training::settle() {
  for (Trainability& of : depends) of.compiled = *of.now;
}

void Training::check(const std::string& function) const {
  for (const Trainability& of : depends) {
    if (*of.now == of.compiled) continue;
    throw Error(fmt::format(
        "{}: '{}' was {} when the program was compiled, and is {} now; compile another program for that",
        function, of.path, of.compiled ? "trainable" : "frozen", of.compiled ? "frozen" : "trainable"));
  }
}

void StateTable::seal() {
  for (StateEntry& entry : entries_) entry.trainable = entry.variable->trainable();
  sealed_ = true;
}

namespace {

constexpr char kNeedNames[] =
    "of two models or optimisers in a program each needs a name: Module(\"name\"), {.name = \"name\"}";

// Of a variable that has the name of another state.
void check_same(const std::string& name, const Variable* known, const Variable& variable, bool is_alike,
                const std::string& known_type) {
  if (!is_alike) {
    throw Error(
        fmt::format("state '{}' is both {} and {}{}: {}; and state has no Dim, but one shape in all calls",
                    name, known_type, sinter::name(variable.dtype()), variable.extents().text(), kNeedNames));
  }
  if (known != &variable) {
    throw Error(fmt::format("two states are called '{}': {}", name, kNeedNames));
  }
}

}  // namespace

void StateTable::declare(const Variable& variable, const Shape& shape, graph::Module& module) {
  std::string name = variable.path();
  const graph::State state{name, {to_graph(variable.dtype()), shape}};
  if (const StateEntry* known = find(name)) {
    const bool is_alike =
        !variable.is_of_session() && known->dtype == variable.dtype() && known->shape == variable.shape();
    return check_same(name, known->variable, variable, is_alike, to_string(known->dtype, known->shape));
  }
  for (const SessionEntry& known : session_entries_) {
    if (known.name != name) continue;
    const bool is_alike = variable.is_of_session() && known.dtype == variable.dtype() &&
                          known.extents.text() == variable.extents().text();
    check_same(name, known.variable, variable, is_alike,
               fmt::format("{}{}", sinter::name(known.dtype), known.extents.text()));
    module.states.push_back(state);
    return;
  }
  module.states.push_back(state);
  if (variable.is_of_session()) {
    session_entries_.push_back(
        {std::move(name), &variable, variable.initializer(), variable.dtype(), variable.extents()});
  } else {
    entries_.push_back(
        {std::move(name), &variable, variable.initializer(), variable.dtype(), shape, variable.trainable()});
  }
}

bool StateTable::has(std::string_view name) const {
  return find(name) != nullptr || std::any_of(session_entries_.begin(), session_entries_.end(),
                                              [&](const SessionEntry& entry) { return entry.name == name; });
}

const StateEntry* StateTable::find(std::string_view name) const {
  for (const StateEntry& entry : entries_) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

void StateTable::truncate(size_t count, size_t session_count) {
  while (entries_.size() > count) entries_.pop_back();
  while (session_entries_.size() > session_count) session_entries_.pop_back();
}

std::vector<graph::State> StateTable::states() const {
  std::vector<graph::State> states;
  for (const StateEntry& entry : entries_)
    states.push_back({entry.name, {to_graph(entry.dtype), entry.shape}});
  return states;
}

}  // namespace sinter
