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

// "mul f32[8,3] (model.cc:12)".
std::string described(const Op& op) {
  std::string text(graph::name(op.code));
  for (size_t i = 0; i < op.results.size(); ++i) text += (i == 0 ? " " : ", ") + to_string(op.results[i]);
  return text + at(op.location);
}

// "mul f32[8,3] (model.cc:12) as operand 1 of add f32[8,3] (model.cc:13)".
std::string operand_described(const Op& op, size_t i) {
  return fmt::format("{} as operand {} of {}", described(*op.operands[i].op), i + 1, described(op));
}

[[noreturn]] void fail_alike(const std::string& of_whole, const std::string& of_part) {
  throw GraphError(fmt::format(
      "the function is not built alike for the whole batch and for a micro-batch: the former has "
      "{}, where the latter has {}; what it builds must not depend on how many rows there are, or "
      "there must be fewer micro-batches",
      of_whole, of_part));
}

std::string outputs_described(const Function& function) {
  std::string names;
  for (const graph::Output& output : function.outputs) {
    names += fmt::format("{}'{}'", names.empty() ? "" : ", ", output.name);
  }
  return names.empty() ? "no outputs" : "outputs " + names;
}

void check_alike(const graph::Module& module, const Function& whole, const Function& part);

void check_alike(const graph::Module& module, const Op& whole, const Op& part,
                 const std::unordered_map<const Op*, const Op*>& twins) {
  const std::vector<std::string> of_whole = graph::callees(whole), of_part = graph::callees(part);
  bool alike = whole.code == part.code && whole.operands.size() == part.operands.size() &&
               whole.results.size() == part.results.size() && of_whole.size() == of_part.size();
  for (size_t i = 0; alike && i < whole.results.size(); ++i) {
    alike =
        whole.results[i].dtype == part.results[i].dtype && whole.results[i].rank() == part.results[i].rank();
  }
  if (!alike) fail_alike(described(whole), described(part));
  for (size_t i = 0; i < whole.operands.size(); ++i) {
    const Value operand = whole.operands[i], twin = part.operands[i];
    if (twins.at(operand.op) == twin.op && operand.index == twin.index) continue;
    fail_alike(operand_described(whole, i), operand_described(part, i));
  }
  for (size_t i = 0; i < of_whole.size(); ++i) {
    check_alike(module, *module.find_function(of_whole[i]), *module.find_function(of_part[i]));
  }
}

void check_alike(const graph::Module& module, const Function& whole, const Function& part) {
  std::unordered_map<const Op*, const Op*> twins;
  const size_t of_whole = whole.ops().size(), of_part = part.ops().size();
  for (size_t i = 0; i < std::min(of_whole, of_part); ++i) {
    check_alike(module, *whole.ops()[i], *part.ops()[i], twins);
    twins[whole.ops()[i].get()] = part.ops()[i].get();
  }
  if (of_whole > of_part) fail_alike(described(*whole.ops()[of_part]), "nothing more");
  if (of_whole < of_part) fail_alike("nothing more", described(*part.ops()[of_whole]));
  const auto name = [](const graph::Output& output) { return output.name; };
  if (!std::ranges::equal(whole.outputs, part.outputs, {}, name, name)) {
    fail_alike(outputs_described(whole), outputs_described(part));
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
