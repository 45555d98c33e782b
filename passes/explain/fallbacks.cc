#include "passes/explain/fallbacks.h"

#include <fmt/format.h>

#include <optional>

#include "ir/graph/anchor.h"
#include "passes/pipeline.h"
#include "passes/raise/raise.h"
#include "passes/release/release.h"
#include "passes/schedule/contract/shared_tiles.h"
#include "passes/schedule/schedule.h"
#include "passes/work.h"

namespace sinter::passes {

using graph::Anchor;
using graph::Function;
using graph::Op;
using graph::OpCode;

namespace {

// Of a contraction with the choice of its kernel. Register tiles there always are; what may be missing is
// what feeds them.
std::optional<std::string> why_untiled(const Op& contract, const Choice& choice, const loop::Target& target) {
  if (!target.has_fast_shared() || is_by_workgroup(choice) || contract.results[0].elements() == 0)
    return std::nullopt;
  const auto dims = graph::ContractDims::parse(contract.attributes.text("dims"));
  int64_t terms = 1;
  for (size_t axis = 0; axis < dims.lhs.size(); ++axis) {
    if (dims.is_summed(dims.lhs[axis])) terms *= contract.operands[0].shape()[axis];
  }
  if (terms < kLeastStagedSum) return std::nullopt;
  return fmt::format("no tile of its sums of {} terms fits a workgroup and its shared memory", terms);
}

class Finder {
 public:
  explicit Finder(const loop::Target& target) : target_(target) {}

  void before(std::string_view pass, const graph::Module& module) {
    for (const auto& function : module.functions) {
      if (pass == "release") find_released(*function);
      if (pass == "order") find_products(*function);
    }
  }
  void after(std::string_view pass, const graph::Module& module) {
    if (pass != "raise") return;
    for (const auto& function : module.functions) {
      for (const Unfused& unfused : unfused_attention(*function))
        add("attention is no kernel of its own: softmax", *unfused.softmax, unfused.reason);
    }
  }

  std::vector<std::string> take() { return std::move(found_); }

 private:
  void add(std::string_view what, const Op& op, std::string_view reason) {
    found_.push_back(fmt::format("{}{}: {}", what, graph::at(op.location), reason));
  }

  void find_released(const Function& function) {
    const auto uses = graph::count_uses(function);
    for (const auto& op : function.ops()) {
      if (op->code != OpCode::kernel) continue;
      const bool is_backward = is_kernel(*op, Anchor::attention_backward);
      if (const auto reason = why_released(*op, uses, target_)) {
        add(is_backward ? "the gradient of attention is no kernel of its own: contract"
                        : "attention is no kernel of its own: contract",
            *op, *reason);
      }
    }
  }

  void find_products(const Function& function) {
    for (const auto& op : function.ops()) {
      if (op->body == nullptr) continue;
      if (is_kernel(*op, Anchor::together)) find_products(*op->body);
      if (!is_kernel(*op, Anchor::contract)) continue;
      const Choice choice = parse_choice(op->attributes.text("choice"), op->location);
      for (const auto& inner : op->body->ops()) {
        if (inner->code != OpCode::contract) continue;
        if (const auto reason = why_untiled(*inner, choice, target_))
          add("a product is not tiled: contract", *inner, *reason);
      }
    }
  }

  const loop::Target& target_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> fallbacks(const graph::Module& module, std::string_view function,
                                   const loop::Target& target, const Options& options) {
  Finder finder(target);
  Work work(graph::clone(module), target, function);
  for (const PassCall& call : pipeline(target, options)) {
    finder.before(call.pass->name, work.module());
    if (call.pass->name == "order") break;
    work.run(call, options.verify);
    finder.after(call.pass->name, work.module());
  }
  return finder.take();
}

}  // namespace sinter::passes
