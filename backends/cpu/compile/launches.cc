#include "backends/cpu/compile/launches.h"

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
  AliasSurvey(const loop::Program& program, Pieces& pieces) : program_(program), pieces_(pieces) {
    for (Piece& piece : pieces.pieces) piece.unaliased.assign(piece.kernel.arguments.size(), true);
    visit(program.steps);
  }

 private:
  void visit(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      if (step.kind == Step::Kind::launch) {
        for (const Part& part : pieces_.parts.at(step.kernel)) visit_launch(step, part);
      }
      visit(step.body);
    }
  }

  void visit_launch(const Step& step, const Part& part) {
    Piece& piece = pieces_.pieces[part.piece];
    const auto& buffers = piece.kernel.arguments;
    for (size_t i = 0; i < buffers.size(); ++i) {
      for (size_t j = 0; j < buffers.size(); ++j) {
        if (i == j || (!buffers[i]->written && !buffers[j]->written)) continue;
        const size_t a = step.arguments.at(part.arguments[i]).slot;
        const size_t b = step.arguments.at(part.arguments[j]).slot;
        if (a == b || !are_apart(program_.slots.at(a), program_.slots.at(b))) piece.unaliased[i] = false;
      }
    }
  }

  const loop::Program& program_;
  Pieces& pieces_;
};

}  // namespace

void find_aliases(const loop::Program& program, Pieces& pieces) {
  AliasSurvey(program, pieces);
}

}  // namespace sinter::cpu
