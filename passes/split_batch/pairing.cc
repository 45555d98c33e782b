#include "passes/split_batch/pairing.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "ir/error.h"
#include "ir/graph/callees.h"

namespace sinter::passes {
namespace {

using graph::Function;
using graph::Op;
using graph::Value;

[[noreturn]] void fail_alike(const Op& op) {
  throw GraphError(
      fmt::format("{}: with as few rows as a micro-batch has, the function is built in another "
                  "way from here on{}; take fewer micro-batches",
                  graph::name(op.code), at(op.location)));
}

void check_alike(const graph::Module& module, const Function& whole, const Function& part);

void check_alike(const graph::Module& module, const Op& whole, const Op& part,
                 const std::unordered_map<const Op*, const Op*>& twins) {
  bool alike = whole.code == part.code && whole.operands.size() == part.operands.size() &&
               whole.results.size() == part.results.size();
  for (size_t i = 0; alike && i < whole.operands.size(); ++i) {
    const Value of_whole = whole.operands[i], of_part = part.operands[i];
    alike = twins.at(of_whole.op) == of_part.op && of_whole.index == of_part.index;
  }
  for (size_t i = 0; alike && i < whole.results.size(); ++i) {
    alike =
        whole.results[i].dtype == part.results[i].dtype && whole.results[i].rank() == part.results[i].rank();
  }
  if (!alike) fail_alike(whole);
  const std::vector<std::string> of_whole = graph::callees(whole), of_part = graph::callees(part);
  if (of_whole.size() != of_part.size()) fail_alike(whole);
  for (size_t i = 0; i < of_whole.size(); ++i) {
    check_alike(module, *module.find_function(of_whole[i]), *module.find_function(of_part[i]));
  }
}

void check_alike(const graph::Module& module, const Function& whole, const Function& part) {
  std::unordered_map<const Op*, const Op*> twins;
  const size_t count = std::min(whole.ops().size(), part.ops().size());
  for (size_t i = 0; i < count; ++i) {
    check_alike(module, *whole.ops()[i], *part.ops()[i], twins);
    twins[whole.ops()[i].get()] = part.ops()[i].get();
  }
  if (whole.ops().size() != part.ops().size()) {
    fail_alike(*(whole.ops().size() > count ? whole : part).ops()[count]);
  }
  for (size_t i = 0; i < whole.outputs.size(); ++i) {
    if (part.outputs.size() == whole.outputs.size() && part.outputs[i].name == whole.outputs[i].name)
      continue;
    fail_alike(*whole.outputs[i].value.op);
  }
}

}  // namespace

Pairing::Pairing(const graph::Module& module, const Function& whole, const Function& part, int64_t parts)
    : parts_(parts), outputs_(&whole.outputs) {
  check_alike(module, whole, part);
  for (size_t i = 0; i < whole.ops().size(); ++i) {
    ordinals_[whole.ops()[i].get()] = i;
    whole_.push_back(whole.ops()[i].get());
    part_.push_back(part.ops()[i].get());
  }
}

bool Pairing::takes_rows(const Op& op) const {
  return std::ranges::any_of(op.operands, [&](Value operand) { return has_rows(operand); });
}

bool Pairing::makes_rows(const Op& op) const {
  const Op& part = twin(op);
  for (size_t i = 0; i < op.results.size(); ++i) {
    if (op.results[i].shape != part.results[i].shape) return true;
  }
  return false;
}

std::optional<size_t> Pairing::find_batch_axis(Value value) const {
  const graph::Shape &whole = value.shape(), &part = twin(value).shape();
  std::optional<size_t> axis;
  for (size_t i = 0; i < whole.size(); ++i) {
    if (whole[i] == part[i]) continue;
    if (axis || whole[i] != part[i] * parts_) return std::nullopt;
    axis = i;
  }
  return axis;
}

size_t Pairing::batch_axis(Value value) const {
  if (const std::optional<size_t> axis = find_batch_axis(value)) return *axis;
  throw GraphError(
      fmt::format("{}: micro-batches are {} where the whole batch is {}, which is not {} of them "
                  "along one axis{}",
                  graph::name(value.op->code), to_string(twin(value).type()), to_string(value.type()), parts_,
                  at(value.op->location)));
}

}  // namespace sinter::passes
