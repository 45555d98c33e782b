#include "frontend/state_table.h"

#include <fmt/format.h>
#include <sinter/error.h>

#include "frontend/convert.h"

namespace sinter {

const StateEntry& StateTable::declare(const Variable& variable) {
  std::string name = variable.path();
  if (const StateEntry* known = find(name)) {
    if (known->variable != &variable) {
      throw Error(fmt::format(
          "two states of one program are called '{}'; give their models or optimisers names", name));
    }
    return *known;
  }
  module_->states.push_back({name, {to_graph(variable.dtype()), variable.shape()}});
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
  module_->states.resize(count);
}

}  // namespace sinter
