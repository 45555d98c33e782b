#include "backends/cpu/compile/launches.h"

#include <fmt/format.h>

#include <unordered_map>

#include "backends/cpu/compile/canonical.h"
#include "ir/error.h"

namespace sinter::cpu {
namespace {

using loop::Slot;
using loop::Step;

// Whether two pieces of memory are known to be apart. Inputs and outputs are the caller's, who may pass one
// piece of memory for several of them.
bool are_apart(const Slot& a, const Slot& b) {
  const auto is_callers = [](const Slot& s) {
    return s.kind == Slot::Kind::input || s.kind == Slot::Kind::output;
  };
  if (is_callers(a) && is_callers(b)) return false;
  if (a.kind != b.kind) return true;
  if (a.kind == Slot::Kind::arena)
    return a.offset + a.bytes() <= b.offset || b.offset + b.bytes() <= a.offset;
  if (a.kind == Slot::Kind::state) return a.ordinal != b.ordinal;
  return true;
}

class AliasSurvey {
 public:
  AliasSurvey(const loop::Program& program, const std::vector<size_t>& representative)
      : program_(program), representative_(representative) {
    std::vector<bool> launched(program.kernels.size(), false);
    find_launched(program.steps, launched);
    for (size_t k = 0; k < program.kernels.size(); ++k) {
      result.emplace_back(program.kernels[k].arguments.size(), launched[k]);
    }
    visit(program.steps);
  }

  std::vector<std::vector<bool>> result;

 private:
  void find_launched(const std::vector<Step>& steps, std::vector<bool>& launched) const {
    for (const Step& step : steps) {
      if (step.kind == Step::Kind::launch) launched.at(representative_.at(step.kernel)) = true;
      find_launched(step.body, launched);
    }
  }

  void visit(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      if (step.kind == Step::Kind::launch) visit_launch(step);
      visit(step.body);
    }
  }

  void visit_launch(const Step& step) {
    const auto& buffers = program_.kernels[step.kernel].arguments;
    std::vector<bool>& alone = result[representative_[step.kernel]];
    for (size_t i = 0; i < buffers.size(); ++i) {
      for (size_t j = 0; j < buffers.size(); ++j) {
        if (i == j || (!buffers[i]->written && !buffers[j]->written)) continue;
        const size_t a = step.arguments.at(i).slot, b = step.arguments.at(j).slot;
        if (a == b || !are_apart(program_.slots.at(a), program_.slots.at(b))) alone[i] = false;
      }
    }
  }

  const loop::Program& program_;
  const std::vector<size_t>& representative_;
};

const loop::StmtNode* parallel_loop(const loop::Stmt& stmt) {
  if (stmt->kind == loop::StmtNode::Kind::loop && stmt->loop_kind == loop::LoopKind::parallel)
    return stmt.get();
  const bool may_stand_above =
      stmt->kind == loop::StmtNode::Kind::allocate || stmt->kind == loop::StmtNode::Kind::let;
  return may_stand_above ? parallel_loop(stmt->body[0]) : nullptr;
}

}  // namespace

std::vector<size_t> representatives(const loop::Program& program) {
  std::unordered_map<std::string, size_t> first;
  std::vector<size_t> result;
  for (size_t i = 0; i < program.kernels.size(); ++i) {
    result.push_back(first.try_emplace(canonical_text(program.kernels[i]), i).first->second);
  }
  return result;
}

std::vector<std::vector<bool>> unaliased_arguments(const loop::Program& program,
                                                   const std::vector<size_t>& representative) {
  return AliasSurvey(program, representative).result;
}

int64_t parallel_extent(const loop::Kernel& kernel) {
  const loop::StmtNode* loop = parallel_loop(kernel.body);
  if (loop == nullptr) return 1;
  const auto extent = loop::as_integer(loop->extent);
  if (!extent) {
    throw InternalError(
        fmt::format("kernel {}: the extent of its parallel loop is not constant", kernel.name));
  }
  return *extent;
}

}  // namespace sinter::cpu
