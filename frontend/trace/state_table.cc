#include "frontend/trace/state_table.h"

#include <fmt/format.h>
#include <sinter/error.h>

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

const StateEntry& StateTable::declare(const Variable& variable, graph::Module& module) {
  std::string name = variable.path();
  if (const StateEntry* known = find(name)) {
    if (known->dtype != variable.dtype() || known->shape != variable.shape()) {
      throw Error(fmt::format(
          "state '{}' is both {} and {}: two models or optimisers of a program need names, "
          "and state has no Dim, but one shape in all calls",
          name, to_string(known->dtype, known->shape), to_string(variable.dtype(), variable.shape())));
    }
    if (known->variable != &variable) {
      throw Error(fmt::format(
          "two states of one program are called '{}'; give their models or optimisers names", name));
    }
    return *known;
  }
  module.states.push_back({name, {to_graph(variable.dtype()), variable.shape()}});
  entries_.push_back({std::move(name), &variable, variable.initializer(), variable.dtype(), variable.shape(),
                      variable.trainable()});
  return entries_.back();
}

const StateEntry* StateTable::find(std::string_view name) const {
  for (const StateEntry& entry : entries_) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

void StateTable::truncate(size_t count) {
  while (entries_.size() > count) entries_.pop_back();
}

std::vector<graph::State> StateTable::states() const {
  std::vector<graph::State> states;
  for (const StateEntry& entry : entries_)
    states.push_back({entry.name, {to_graph(entry.dtype), entry.shape}});
  return states;
}

}  // namespace sinter
