#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ir/graph/builder.h"
#include "tests/fuzz/programs/draw.h"

namespace sinter::fuzz {

using graph::DType;
using graph::OpCode;
using graph::Shape;
using graph::TensorType;
using graph::Value;

// What is known of the elements of a value, so that what is made of it neither leaves the range of its type
// nor is a matter of rounding.
struct Known {
  double low = 0, high = 0;
  bool exact = true;  // no rounding on the way here: every device holds the same elements

  double magnitude() const;
};
Known joined(const Known& a, const Known& b);
Known whole_range(DType type);

// What the functions of one program share.
struct Plan {
  std::vector<int64_t> extents;  // that shapes are made of
  int64_t most_elements = 2000;  // of a value
  int64_t most_work = 60'000;    // products of a contraction
  DType floating = DType::f32;   // mostly
  int parameters = 6;            // of a function at most
};

constexpr double kLargestInput = 2;  // of floating parameters, in magnitude

// An integer parameter whose name ends in _below_N is drawn from [0, N); others from all there are.
std::string bounded_name(int64_t number, int64_t bound);
std::optional<int64_t> bound_of_name(const std::string& name);

// Writes one function, op by op, out of what it already has: values that are needed and not there are made by
// views of others, by constants, or become parameters.
class Writer {
 public:
  Writer(graph::Module& module, graph::Function& function, Draw& choices, const Plan& sizes)
      : b(module, function), draw(choices), plan(sizes) {}

  graph::Builder b;
  Draw& draw;
  const Plan& plan;

  // A function's operands come from where it is called: it makes no parameters of its own.
  void close_signature() { closed_ = true; }
  Value parameter(const TensorType& type);
  Value bounded_parameter(const TensorType& type, int64_t bound);

  // Enters a value that may be used from now on, scaled down where its elements grow.
  Value note(Value value, const Known& known);
  // The same for a step on the way to one.
  Value knowing(Value value, const Known& known);
  const Known& known(Value value) const { return known_.at(value); }
  const std::vector<Value>& values() const { return values_; }

  using Wanted = std::function<bool(Value)>;
  // One that has what is wanted, mostly a late one, so that chains form.
  std::optional<Value> some(const Wanted& wanted);
  Value floating(int64_t least_rank = 0);
  Value numeric();
  Value integer();
  Value exact_floating();
  Value any();

  // A value of this type: one that there is, a view of one, or a new source.
  Value fit(const TensorType& type, bool exact = false);
  Value source(const TensorType& type, bool exact = false);
  Value constant(const TensorType& type);
  // Integers of [0, bound) by all ways in which programs make indices.
  Value indices(DType type, const Shape& shape, int64_t bound);

  // The same value with elements no larger than this in magnitude, or no smaller.
  Value limited(Value value, double most);
  Value positive(Value value, double least);

  int64_t extent() { return draw.of(plan.extents); }
  Shape shape(int64_t least_rank = 0, int64_t most_rank = 4);
  bool fits(const Shape& shape) const { return graph::element_count(shape) <= plan.most_elements; }
  std::vector<int64_t> axes(Value x);
  int64_t axis(Value x) { return draw.below(x.rank()); }
  int64_t key() { return draw.between(-5, 1000); }

  std::set<std::string> written;  // states
  int depth = 0;                  // of functions that this one is called from

 private:
  std::optional<Value> view_of_another(const TensorType& type, bool exact);

  graph::ValueMap<Known> known_;
  std::vector<Value> values_;
  bool closed_ = false;
};

// Adds one op and, before it, what its operands need; false where it could not be made of what there is.
bool write_op(Writer& w, OpCode code);

}  // namespace sinter::fuzz
