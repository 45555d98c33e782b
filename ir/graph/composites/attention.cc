#include <fmt/format.h>

#include <limits>

#include "ir/error.h"
#include "ir/graph/composites/composites.h"

namespace sinter::graph::composites {
namespace {

// The scores are [b, g, h/g, tq, tk], so that each key head meets its group of query heads without a copy;
// with as many key heads as query heads the axis of the group is left out.
struct Heads {
  int64_t batch, heads, groups, queries, keys;

  bool grouped() const { return heads != groups; }
  std::string_view score_dims() const { return grouped() ? "bgrqw,bgkw->bgrqk" : "bgqw,bgkw->bgqk"; }
  std::string_view value_dims() const { return grouped() ? "bgrqk,bgku->bgrqu" : "bgqk,bgku->bgqu"; }
};

void require_fit(std::string_view what, Value x, DType dtype, const Shape& shape, bool broadcasts) {
  const bool fits = broadcasts ? broadcast_shapes(x.shape(), shape) == shape : x.shape() == shape;
  if (fits && x.dtype() == dtype) return;
  throw GraphError(fmt::format("attention: takes {} {}, got {}",
                               broadcasts ? fmt::format("a {} that broadcasts to", what) : std::string(what),
                               to_string({dtype, shape}), to_string(x.type())));
}

// Splits the axis of heads of what broadcasts to [b, h, tq, tk].
Value split_heads(Builder& b, const Heads& heads, Value x) {
  if (!heads.grouped()) return x;
  Shape shape(static_cast<size_t>(4 - x.rank()), 1);
  shape.insert(shape.end(), x.shape().begin(), x.shape().end());
  const bool one = shape[1] == 1;
  shape[1] = one ? 1 : heads.groups;
  shape.insert(shape.begin() + 2, one ? 1 : heads.heads / heads.groups);
  return b.reshape(x, shape);
}

// Which keys a query sees, true or false; broadcasts to the scores. Nothing where it sees all of them.
class Visible {
 public:
  Visible(Builder& b, const Heads& heads)
      : b_(b),
        offset_(heads.keys - heads.queries),
        positions_{DType::i32, {heads.queries, heads.keys}},
        score_rank_(heads.grouped() ? 5 : 4),
        batch_(heads.batch) {}

  void require(Value condition) { all_ = all_ ? b_.logical_and(all_, condition) : condition; }
  void causal() {
    const Value key = keys();
    require(b_.less_equal(key, query(0)));
  }
  void window(int64_t size, bool causal) {
    const Value key = keys();
    require(b_.greater(key, query(-size)));
    if (!causal) require(b_.less(key, query(size)));
  }
  void lengths(Value lengths) {
    Shape shape(static_cast<size_t>(score_rank_), 1);
    shape[0] = batch_;
    const Value key = keys();
    require(b_.less(key, b_.reshape(lengths, shape)));
  }
  Value all() const { return all_; }

 private:
  Value keys() { return b_.iota(positions_, 1); }
  // The position of the query among the keys, the last query standing at the last key, and `distance`
  // further.
  Value query(int64_t distance) {
    const Value row = b_.iota(positions_, 0);
    const int64_t shift = offset_ + distance;
    return shift == 0 ? row : b_.add(row, b_.constant_int(shift, DType::i32));
  }

  Builder& b_;
  int64_t offset_;
  TensorType positions_;
  int64_t score_rank_;
  int64_t batch_;
  Value all_;
};

// Takes the operands that attributes name, in order, from `first` on.
class NamedOperands {
 public:
  NamedOperands(const Composite& c, size_t first) : c_(c), next_(first) {}
  Value take(std::string_view name) { return c_.attributes.flag(name) ? c_.operands[next_++] : Value(); }

 private:
  const Composite& c_;
  size_t next_;
};

// The softmax of the scores of q = operands[0] and k = operands[1].
Value weights_of(const Composite& c, const Heads& heads, NamedOperands& named) {
  Builder& b = c.b;
  const Value q = c.operands[0], k = c.operands[1];
  const Value lengths = named.take("lengths"), bias = named.take("bias"), mask = named.take("mask");
  const Shape every_score{heads.batch, heads.heads, heads.queries, heads.keys};
  if (lengths) require_fit("lengths", lengths, DType::i32, {heads.batch}, false);
  if (bias) require_fit("bias", bias, q.dtype(), every_score, true);
  if (mask) require_fit("mask", mask, DType::boolean, every_score, true);

  Value queries = q;
  if (heads.grouped()) {
    queries =
        b.reshape(q, {heads.batch, heads.groups, heads.heads / heads.groups, heads.queries, q.shape()[3]});
  }
  Value scores = b.contract(queries, k, heads.score_dims());
  scores = b.mul(scores, b.scalar_like(c.attributes.number("scale"), scores));
  if (c.attributes.has("softcap")) {
    const Value cap = b.scalar_like(c.attributes.number("softcap"), scores);
    scores = b.mul(b.tanh(b.div(scores, cap)), cap);
  }
  if (bias) scores = b.add(scores, split_heads(b, heads, bias));

  Visible visible(b, heads);
  const bool causal = c.attributes.flag("causal");
  if (causal) visible.causal();
  if (c.attributes.has("window")) visible.window(c.attributes.integer("window"), causal);
  if (lengths) visible.lengths(lengths);
  if (mask) visible.require(split_heads(b, heads, mask));
  if (visible.all()) {
    const double masked = -std::numeric_limits<double>::infinity();
    scores = b.select(visible.all(), scores, b.scalar_like(masked, scores));
  }
  return b.emit(OpCode::softmax, {scores}, {{"axis", scores.rank() - 1}}).result();
}

}  // namespace

Value attention(const Composite& c) {
  Builder& b = c.b;
  const Value q = c.operands[0], k = c.operands[1], v = c.operands[2];
  const Heads heads{q.shape()[0], q.shape()[1], k.shape()[1], q.shape()[2], k.shape()[2]};
  NamedOperands named(c, 3);
  Value weights = weights_of(c, heads, named);
  if (c.attributes.has("rate")) {
    std::vector<Value> operands{weights};
    if (const Value salt = named.take("salt")) operands.push_back(salt);
    weights = b.emit(OpCode::dropout, operands,
                     {{"rate", c.attributes.number("rate")}, {"key", c.attributes.integer("key")}})
                  .result();
  }
  const Value out = b.contract(weights, v, heads.value_dims());
  return heads.grouped() ? b.reshape(out, {heads.batch, heads.heads, heads.queries, v.shape()[3]}) : out;
}

Value attention_weights(const Composite& c) {
  const Value q = c.operands[0], k = c.operands[1];
  const Heads heads{q.shape()[0], q.shape()[1], k.shape()[1], q.shape()[2], k.shape()[2]};
  NamedOperands named(c, 2);
  const Value weights = weights_of(c, heads, named);
  return heads.grouped() ? c.b.reshape(weights, {heads.batch, heads.heads, heads.queries, heads.keys})
                         : weights;
}

}  // namespace sinter::graph::composites
