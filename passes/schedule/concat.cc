#include <algorithm>
#include <unordered_set>

#include "ir/error.h"
#include "passes/schedule/core/elementwise_loops.h"
#include "passes/schedule/core/schedules.h"

// The schedule of `concat`: each part computed, and written to its place, by loops of its own.
namespace sinter::passes {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using graph::Shape;
using graph::Value;
using loop::Expr;
using loop::LoopKind;
using loop::Stmt;
using loop::StmtNode;

namespace {

const Op& concat_of(const graph::Function& body) {
  const Op& op = *body.outputs.at(0).value.op;
  if (op.code != OpCode::concat)
    throw InternalError("a kernel of the anchor concat that makes something else");
  return op;
}

// Whether what lies behind a value is at its own position, down to what is in memory.
bool is_flat(Value value) {
  std::unordered_set<const Op*> seen;
  std::vector<const Op*> pending = {value.op};
  while (!pending.empty()) {
    const Op& op = *pending.back();
    pending.pop_back();
    if (op.code == OpCode::parameter || op.code == OpCode::constant || !seen.insert(&op).second) continue;
    if (op.code != OpCode::reshape && op.kind() != OpKind::elementwise) return false;
    for (Value operand : op.operands) pending.push_back(operand.op);
  }
  return true;
}

// Loops that run one after the other, or each in some units of a parallel loop.
struct Unit {
  int64_t begin, count;
  Stmt body;
};

class Units {
 public:
  explicit Units(int64_t unit_elements) : unit_elements_(unit_elements) {}

  void add(const Stmt& loops, int64_t elements) {
    const bool is_parallel = loops->kind == StmtNode::Kind::loop && loops->loop_kind == LoopKind::parallel;
    if (is_parallel) {
      close();
      const int64_t count = *loop::as_integer(loops->extent);
      units_.push_back(
          {end_, count, loop::let(loops->variable, loop::variable(unit_) - end_, loops->body[0])});
      end_ += count;
      return;
    }
    open_.push_back(loops);
    open_elements_ += elements;
    if (open_elements_ >= unit_elements_) close();
  }

  Stmt finish() {
    if (units_.empty()) return loop::block(std::move(open_));
    close();
    return loop::loop(LoopKind::parallel, unit_, loop::integer(0), loop::integer(end_),
                      chosen(0, units_.size()));
  }

 private:
  void close() {
    if (open_.empty()) return;
    units_.push_back({end_++, 1, loop::block(std::move(open_))});
    open_.clear();
    open_elements_ = 0;
  }

  // By halves: a unit asks as often as the logarithm of their number says.
  Stmt chosen(size_t first, size_t last) const {
    if (last - first == 1) return units_[first].body;
    const size_t middle = (first + last) / 2;
    return loop::branch(loop::variable(unit_) < loop::integer(units_[middle].begin), chosen(first, middle),
                        chosen(middle, last));
  }

  int64_t unit_elements_;
  loop::VariableRef unit_ = loop::make_variable("unit");
  std::vector<Unit> units_;
  int64_t end_ = 0;
  std::vector<Stmt> open_;
  int64_t open_elements_ = 0;
};

// One vector at once, as there are many loops.
std::vector<Numbers> concat_choices(Template& t) {
  return {{{"lanes", {t.lanes()}}, {"unit", {t.target().elements_a_unit()}}}};
}

loop::Kernel emit_concat(Template& t, const Choice& choice) {
  ChoiceReader read(choice, t.kernel.location);
  const int64_t lanes = read.lanes(kMostVectors * t.lanes());
  const int64_t unit_elements = read.number("unit", 1, kMostOfUnit);
  read.finish();
  const Op& concat = concat_of(t.body);
  const auto axis = static_cast<size_t>(concat.attributes.integer("axis"));
  const Shape& whole = concat.results[0].shape;
  const bool is_outermost = std::all_of(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(axis),
                                        [](int64_t extent) { return extent == 1; });
  Units units(unit_elements);
  int64_t begin = 0;
  for (Value part : concat.operands) {
    Loader::Scope scope(t.loader);
    const auto body = [&](const DomainPoint& at) {
      const Tile tile = Tile::of_values(t.body, {part}, at.domain, at.index, t.loader.ranges());
      return with_values(t.loader, tile, {part}, at.predicate, [&](const std::vector<Expr>& values) {
        Index index = *tile.find(part);
        index[axis] = index[axis] + begin;
        return loop::store(t.outputs[0], t.loader.simplify(linearize(index, whole)), values[0], at.predicate);
      });
    };
    if (const int64_t elements = part.type().elements(); elements > 0) {
      const Shape domain = elementwise_domain(part.shape(), is_outermost && is_flat(part));
      units.add(elementwise_loops(t, choose_elementwise(domain, lanes, lanes, unit_elements), body),
                elements);
    }
    begin += part.shape()[axis];
  }
  return t.finish(units.finish());
}

}  // namespace

constinit const Schedule kConcat = {graph::Anchor::concat, "concat", concat_choices, emit_concat};

}  // namespace sinter::passes
