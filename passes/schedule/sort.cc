#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "ir/integers.h"
#include "passes/schedule/core/local.h"
#include "passes/schedule/core/schedules.h"

// The schedules of `sort`, which merge. `sort.runs` sorts each run of a row in memory of its own, from runs
// of one element on; `sort.merge` merges two runs that are sorted already, a unit a segment of their result,
// which finds by halves where its elements begin in both (Green et al., "GPU merge path", 2012).
namespace sinter::passes {

using graph::Op;
using graph::Shape;
using loop::Expr;
using loop::LoopKind;
using loop::ScalarOp;
using loop::Stmt;

namespace {

constexpr int64_t kSegment = 1024, kSegmentOfLane = 16;

Expr negated(const Expr& x) {
  return loop::apply(ScalarOp::logical_not, {x});
}

Expr as_index(const Expr& x) {
  return loop::cast(x, loop::Type::index);
}

Expr as_i32(const Expr& x) {
  return loop::cast(x, loop::Type::i32);
}

// What both schedules know of their kernel.
struct Sort {
  explicit Sort(const Template& t)
      : op(find_sort(t.body)),
        type(loop::from_graph(op.operands[0].dtype())),
        falls(op.attributes.flag("descending")),
        before(op.operands[0].shape().begin(), op.operands[0].shape().end() - 1),
        length(op.operands[0].shape().back()),
        run(op.attributes.has("run") ? std::min(op.attributes.integer("run"), length) : length) {}

  static const Op& find_sort(const graph::Function& body) {
    return **std::ranges::find_if(body.ops(), [](const auto& op) { return op->code == graph::OpCode::sort; });
  }

  int64_t rows() const { return graph::element_count(before); }
  bool merges() const { return op.operands.size() > 1; }
  // Whether x stands before y, which has to stand behind it: equals keep their order. NaN is the greatest.
  Expr goes_first(const Expr& x, const Expr& y) const {
    const Expr smaller = falls ? loop::apply(ScalarOp::greater, {x, y}) : x < y;
    if (!loop::is_floating(type)) return smaller;
    const auto is_nan = [](const Expr& v) { return loop::apply(ScalarOp::not_equal, {v, v}); };
    return smaller || (falls ? is_nan(x) && negated(is_nan(y)) : is_nan(y) && negated(is_nan(x)));
  }

  const Op& op;
  loop::Type type;
  bool falls;
  Shape before;
  int64_t length, run;
};

// Two sorted runs side by side, left = [begin, middle) and right = [middle, end) of some elements.
struct Runs {
  int64_t elements;  // in all: what an index is below
  Expr middle, end;
  std::function<Expr(const Expr&index)> value, place;
};

// A unit's loops that merge.
class Merger {
 public:
  Merger(Template& t, const Sort& sort) : t_(t), s_(sort), at_(local_buffer("at", loop::Type::i32, 2)) {}

  // From `left` and `right` on, the next `count` elements, which `store` takes with their number.
  Stmt merge(const Runs& runs, const Expr& left, const Expr& right, const Expr& count,
             const std::function<Stmt(const Expr& number, const Expr& value, const Expr& place)>& store) {
    Loader::Scope scope(t_.loader);
    const auto number = t_.loader.variable("number", runs.elements);
    const auto l = t_.loader.variable("left", runs.elements), r = t_.loader.variable("right", runs.elements);
    const auto a = loop::make_variable("a", s_.type), b = loop::make_variable("b", s_.type);
    const auto is_left = loop::make_variable("is_left", loop::Type::boolean);
    const auto chosen = t_.loader.variable("chosen", runs.elements);
    const Expr x = as_index(loop::load(at_, loop::integer(0))),
               y = as_index(loop::load(at_, loop::integer(1)));
    const Expr last = loop::integer(runs.elements - 1), took = loop::variable(is_left);
    const Expr left_goes =
        x < runs.middle && (y >= runs.end || negated(s_.goes_first(loop::variable(b), loop::variable(a))));
    const auto moved = [&](int64_t side, const Expr& took_it) {
      const Expr place = loop::integer(side);
      return loop::store(at_, place, loop::load(at_, place) + as_i32(took_it));
    };
    Stmt step =
        loop::block({store(loop::variable(number), loop::select(took, loop::variable(a), loop::variable(b)),
                           runs.place(loop::variable(chosen))),
                     moved(0, took), moved(1, negated(took))});
    step = loop::let(chosen, loop::select(took, loop::variable(l), loop::variable(r)), step);
    step = loop::let(is_left, left_goes, step);
    step = loop::let(a, runs.value(loop::variable(l)), loop::let(b, runs.value(loop::variable(r)), step));
    step = loop::let(l, loop::min(x, last), loop::let(r, loop::min(y, last), step));
    return loop::block({loop::store(at_, loop::integer(0), as_i32(left)),
                        loop::store(at_, loop::integer(1), as_i32(right)),
                        loop::loop(LoopKind::serial, number, loop::integer(0), count, step)});
  }

  // body(left, right): where both runs stand when `first` elements of theirs are merged. `longest` is the
  // left run's length at most.
  Stmt from(const Runs& runs, const Expr& begin, const Expr& first, int64_t longest,
            const std::function<Stmt(const Expr& left, const Expr& right)>& body) {
    Loader::Scope scope(t_.loader);
    const Expr low = loop::integer(0), high = loop::integer(1), last = loop::integer(runs.elements - 1);
    const auto bounds = local_buffer("bounds", loop::Type::i32, 2);
    int64_t steps = 1;
    while ((int64_t{1} << steps) <= longest) ++steps;
    const auto step = t_.loader.variable("step", steps), half = t_.loader.variable("half", longest);
    const auto l = t_.loader.variable("left", runs.elements), r = t_.loader.variable("right", runs.elements);
    const Expr least = loop::load(bounds, low), most = loop::load(bounds, high), h = loop::variable(half);
    // Of the left run more than `half` go, where the element there goes before the last of the others.
    const Expr goes_left =
        negated(s_.goes_first(runs.value(loop::variable(r)), runs.value(loop::variable(l))));
    Stmt halve = loop::branch(goes_left, loop::store(bounds, low, as_i32(h + 1)),
                              loop::store(bounds, high, as_i32(h)));
    halve = loop::let(r, loop::min(runs.middle + first - 1 - h, last), halve);
    halve = loop::let(half, as_index(least + most) / 2, loop::let(l, loop::min(begin + h, last), halve));
    const Stmt search = loop::loop(LoopKind::serial, step, loop::integer(0), loop::integer(steps),
                                   loop::branch(least < most, halve));
    const Expr fewest = loop::max(first - (runs.end - runs.middle), loop::integer(0));
    const Expr taken = as_index(loop::load(bounds, low));
    return loop::allocate(
        bounds, loop::block({loop::store(bounds, low, as_i32(fewest)),
                             loop::store(bounds, high, as_i32(loop::min(first, runs.middle - begin))), search,
                             body(begin + taken, runs.middle + first - taken)}));
  }

  Stmt with_memory(const Stmt& body) const { return loop::allocate(at_, body); }

 private:
  Template& t_;
  const Sort& s_;
  loop::BufferRef at_;
};

std::vector<Numbers> sort_run_choices(Template& t) {
  if (Sort(t).merges()) return {};
  return {{}};
}

loop::Kernel emit_sort_runs(Template& t, const Choice& choice) {
  ChoiceReader read(choice, t.kernel.location);
  const Sort s(t);
  read.require(!s.merges(), "runs are merged by sort.merge");
  read.finish();
  Loader& loader = t.loader;
  const int64_t runs = ceil_div(s.length, s.run), units = s.rows() * runs;
  const auto unit = loader.variable("unit", units);
  const Expr row = loader.simplify(loop::variable(unit) / runs);
  const Expr start = loader.simplify(loop::variable(unit) % runs * s.run);
  const Expr count = s.length % s.run == 0
                         ? loop::integer(s.run)
                         : loader.simplify(loop::min(loop::integer(s.run), loop::integer(s.length) - start));
  const auto index_of = [&](const Expr& place) {
    loop::Index index = delinearize(row, s.before, loader.ranges());
    index.push_back(place);
    return index;
  };
  const Expr out = row * s.length + start;
  // What one step merges, the next one reads: two halves that take turns.
  const auto keys = local_buffer("keys", s.type, 2 * s.run);
  const auto places = local_buffer("places", loop::Type::i32, 2 * s.run);
  std::vector<Stmt> steps;
  {
    Loader::Scope scope(loader);
    const auto k = loader.variable("k", s.run);
    const Expr at = loop::variable(k);
    const bool is_sorted = s.run == 1;
    const auto& value_to = is_sorted ? t.outputs[0] : keys;
    const auto& place_to = is_sorted ? t.outputs[1] : places;
    const Expr to = is_sorted ? out + at : at;
    steps.push_back(
        loop::loop(LoopKind::serial, k, loop::integer(0), count,
                   loop::block({loop::store(value_to, to, loader.at(s.op.operands[0], index_of(start + at))),
                                loop::store(place_to, to, as_i32(start + at))})));
  }
  Merger merger(t, s);
  int64_t from = 0;
  for (int64_t width = 1; width < s.run; width *= 2, from = s.run - from) {
    Loader::Scope scope(loader);
    const bool is_last = 2 * width >= s.run;
    const int64_t pairs = ceil_div(s.run, 2 * width);
    const auto pair = loader.variable("pair", pairs);
    const auto bounded = [&](const Expr& place) { return loader.simplify(loop::min(place, count)); };
    const Expr begin = loader.simplify(loop::variable(pair) * (2 * width));
    const Expr first = bounded(begin), middle = bounded(begin + width), end = bounded(begin + 2 * width);
    const auto of = [&](const loop::BufferRef& buffer) {
      return [buffer, from](const Expr& index) { return loop::load(buffer, index + from); };
    };
    const Runs both = {s.run, middle, end, of(keys), of(places)};
    const int64_t to = s.run - from;
    const Stmt merge =
        merger.merge(both, first, middle, loader.simplify(end - first),
                     [&](const Expr& number, const Expr& value, const Expr& place) {
                       const Expr at = (is_last ? out : loop::integer(to)) + first + number;
                       return loop::block({loop::store(is_last ? t.outputs[0] : keys, at, value),
                                           loop::store(is_last ? t.outputs[1] : places, at, place)});
                     });
    steps.push_back(loop::loop(LoopKind::serial, pair, loop::integer(0), loop::integer(pairs), merge));
  }
  Stmt body = merger.with_memory(loop::block(std::move(steps)));
  if (s.run > 1) body = loop::allocate(keys, loop::allocate(places, body));
  return t.finish(loop::loop(LoopKind::parallel, unit, loop::integer(0), loop::integer(units), body));
}

std::vector<Numbers> sort_merge_choices(Template& t) {
  const Sort s(t);
  if (!s.merges()) return {};
  const int64_t segment = t.target().has_workgroups() ? kSegmentOfLane : kSegment;
  return {{{"segment", {std::min(segment, s.op.attributes.integer("run"))}}}};
}

loop::Kernel emit_sort_merge(Template& t, const Choice& choice) {
  ChoiceReader read(choice, t.kernel.location);
  const Sort s(t);
  read.require(s.merges(), "one tensor alone is sorted by sort.runs");
  const int64_t run = s.op.attributes.integer("run");
  const int64_t segment = read.number("segment", 1, run);
  read.require(run % segment == 0 && run % 2 == 0,
               fmt::format("segment divides the run {}, which is even", run));
  read.finish();
  Loader& loader = t.loader;
  const int64_t segments = ceil_div(s.length, segment), units = s.rows() * segments;
  const auto unit = loader.variable("unit", units);
  const Expr row = loader.simplify(loop::variable(unit) / segments);
  const Expr start = loader.simplify(loop::variable(unit) % segments * segment);
  const Expr begin = loader.simplify(start / run * run), length = loop::integer(s.length);
  const loop::Index head = delinearize(row, s.before, loader.ranges());
  const auto of = [&](size_t operand) {
    return [&t, &s, head, operand](const Expr& place) {
      loop::Index index = head;
      index.push_back(place);
      return t.loader.at(s.op.operands[operand], index);
    };
  };
  const Runs both = {s.length, loop::min(begin + run / 2, length), loop::min(begin + run, length), of(0),
                     of(1)};
  const Expr count = loader.simplify(loop::min(loop::integer(segment), length - start));
  Merger merger(t, s);
  const Stmt body = merger.from(
      both, begin, loader.simplify(start - begin), run / 2, [&](const Expr& left, const Expr& right) {
        return merger.merge(
            both, left, right, count, [&](const Expr& number, const Expr& value, const Expr& place) {
              const Expr at = row * s.length + start + number;
              return loop::block(
                  {loop::store(t.outputs[0], at, value), loop::store(t.outputs[1], at, place)});
            });
      });
  return t.finish(
      loop::loop(LoopKind::parallel, unit, loop::integer(0), loop::integer(units), merger.with_memory(body)));
}

}  // namespace

constinit const Schedule kSortRuns = {graph::Anchor::sort, "sort.runs", sort_run_choices, emit_sort_runs};
constinit const Schedule kSortMerge = {graph::Anchor::sort, "sort.merge", sort_merge_choices,
                                       emit_sort_merge};

}  // namespace sinter::passes
