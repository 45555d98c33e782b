#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "ir/graph/graph.h"

namespace sinter::graph {

// Appends ops to a function, types inferred and checked. Every misuse throws a GraphError that says what was
// expected, both operands' types, and the location set last. Elementwise binary ops and select broadcast
// their operands as numpy does, with explicit broadcast ops; element types never convert by themselves.
// Which of the ranks of a step this is. `after` is the last result of what ranks have made together before,
// where there is anything: all of them meet in the same order.
struct Meeting {
  int64_t rank = 0;
  int64_t ranks = 1;
  Value after = {};
};

class Builder {
 public:
  Builder(Module& module, Function& function) : module_(&module), function_(&function) {}

  Module& module() { return *module_; }
  Function& function() { return *function_; }
  void set_location(Location location) { location_ = std::move(location); }
  const Location& location() const { return location_; }

  // Any op, by its code.
  Op& emit(OpCode code, std::vector<Value> operands, Attributes attributes = {});

  // The elementwise ops, by name: b.add(x, y), b.exp(x), b.less(x, y).
#define SINTER_ELEMENTWISE(name, arity, domain, result, ...)  \
  template <typename... V>                                    \
  requires(sizeof...(V) == arity) Value name(V... operands) { \
    return elementwise(OpCode::name, {operands...});          \
  }
#include "ir/graph/elementwise.def"
#undef SINTER_ELEMENTWISE
  Value elementwise(OpCode code, std::vector<Value> operands);
  Value select(Value condition, Value if_true, Value if_false);
  Value cast(Value x, DType to);  // x itself where it has that type
  Value stop_gradient(Value x);

  // Sources.
  Value parameter(std::string name, TensorType type);
  Value constant(double value, DType type,
                 Shape shape = {});  // every element `value`; integers as near to it as they come
  Value constant_int(int64_t value, DType type, Shape shape = {});
  Value constant_like(double value, Value x) {
    return constant(value, x.dtype(), x.shape());
  }
  Value scalar_like(double value, Value x) {
    return constant(value, x.dtype());
  }
  Value table(std::vector<double> values, TensorType type);  // a dense constant, row-major
  Value table_int(std::vector<int64_t> values, TensorType type);
  Value iota(TensorType type, int64_t axis);
  Value random_bits(Shape shape, int64_t key, Value salt = {});  // i32
  Value random_uniform(TensorType type, int64_t key, Value salt = {});
  Value random_normal(TensorType type, int64_t key, Value salt = {});

  // Reductions drop their axes; `keep` leaves them with extent 1. Negative axes count from the end.
  Value reduce_sum(Value x, std::vector<int64_t> axes, bool keep = false);
  Value reduce_max(Value x, std::vector<int64_t> axes, bool keep = false);
  Value reduce_min(Value x, std::vector<int64_t> axes, bool keep = false);
  Value argmax(Value x, std::vector<int64_t> axes, bool keep = false);  // i32, row-major over the axes
  Value contract(Value lhs, Value rhs, std::string_view dims);
  Value matmul(Value lhs, Value rhs);  // numpy's matmul: leading axes broadcast

  // Views.
  Value reshape(Value x, Shape shape);  // one extent may be -1
  Value transpose(Value x, std::vector<int64_t> permutation);
  Value swap_axes(Value x, int64_t a, int64_t b);
  Value broadcast(Value x, Shape shape, std::vector<int64_t> dims);
  Value broadcast_to(Value x, const Shape& shape);  // numpy's rule: aligned at the end; x itself where equal
  Value expand_dims(Value x, std::vector<int64_t> axes);  // axes of the result
  Value slice(Value x, std::vector<int64_t> start, std::vector<int64_t> limit,
              std::vector<int64_t> stride = {});
  Value slice_axis(Value x, int64_t axis, int64_t start, int64_t limit, int64_t stride = 1);
  Value pad(Value x, std::vector<int64_t> low, std::vector<int64_t> high, std::vector<int64_t> interior = {},
            Attribute value = 0.0);  // an integer or a number
  Value concat(std::vector<Value> parts, int64_t axis);
  Value reverse(Value x, std::vector<int64_t> axes);
  Value window(Value x, int64_t axis, int64_t size, int64_t stride = 1, int64_t dilation = 1);
  Value fold(Value x, int64_t axis, int64_t extent, int64_t stride = 1, int64_t dilation = 1);

  // Movement by run-time values.
  Value gather(Value x, Value indices, int64_t axis = 0);
  Value scatter_add(Value base, Value indices, Value updates, int64_t axis = 0);
  Value dynamic_slice(Value x, std::vector<Value> starts, Shape sizes);
  Value dynamic_update(Value x, Value update, std::vector<Value> starts);
  std::pair<Value, Value> top_k(Value x, int64_t k);  // along the last axis: values and i32 positions
  // Along the last axis, stable: values and i32 positions.
  std::pair<Value, Value> sort(Value x, bool descending = false);
  Value cumsum(Value x, int64_t axis, bool reverse = false);

  // Checks: x itself, and the fault word where it is out of bounds.
  Value check_index(Value x, int64_t bound, std::optional<int64_t> ignore = std::nullopt);
  Value check_finite(Value x, std::string what);

  // Control.
  Value read(std::string_view state);
  void write(std::string_view state, Value value);
  std::vector<Value> call(const Function& callee, std::vector<Value> operands, Attributes attributes = {});
  // Runs `body` for t = 0 .. length-1 (backwards with reverse). Operands: `carries` initial carries, then
  // per-step inputs with a leading axis of `length`, then `constants` values that every step sees whole. The
  // body takes (carries, one slice of each per-step input, constants) and returns (carries, per-step
  // outputs). Results: the final carries, then the outputs stacked along a new leading axis.
  std::vector<Value> scan(const Function& body, std::vector<Value> operands, int64_t carries,
                          int64_t constants, int64_t length, bool reverse = false);
  std::vector<Value> grad(Value loss, std::vector<Value> wrt);  // expanded by differentiate; loss is a scalar
  std::vector<Value> barrier(std::vector<Value> values);

  // What ranks make together. Values of the leaves of a tree lie along a first axis: those that this rank
  // has, or 1, their fold. `fold` is "sum", "max" or "min"; owner i is the only rank that gets value i
  // (reduce_scatter), or the one that has it and gives it to the others (all_gather). The results are of the
  // values that this rank gets, and one more, which the next meeting comes after.
  std::vector<Value> all_reduce(std::vector<Value> values, std::string fold, int64_t leaves,
                                const Meeting& meeting);
  std::vector<Value> reduce_scatter(std::vector<Value> values, std::string fold, int64_t leaves,
                                    std::vector<int64_t> owners, const Meeting& meeting);
  std::vector<Value> all_gather(std::vector<Value> values, std::vector<int64_t> owners,
                                const Meeting& meeting);

  void output(std::string name, Value value) {
    function_->outputs.push_back({std::move(name), value});
  }

 private:
  std::vector<Value> meet(OpCode code, std::vector<Value> values, Attributes attributes,
                          const Meeting& meeting);
  [[noreturn]] void fail(OpCode code, const std::string& message) const;

  Module* module_;
  Function* function_;
  Location location_;
};

// The result types of an op; throws GraphError, without a location, where operands or attributes do not fit.
// `module` resolves the functions and state an op names.
std::vector<TensorType> infer_types(const Module& module, OpCode code, std::span<const Value> operands,
                                    const Attributes& attributes);

// Whether element i of the op's result depends on elements i of its operands alone, and on where it stands:
// an elementwise op, or a composite that is defined by such.
bool is_elementwise(const Op& op);

// Writes a composite's decomposition at `builder`'s place: its definition, and the only one.
// `operands` and `attributes` are those of the op.
std::vector<Value> decompose(Builder& builder, OpCode code, std::span<const Value> operands,
                             const Attributes& attributes);

// The shape numpy broadcasts two shapes to, or nothing.
std::optional<Shape> broadcast_shapes(const Shape& a, const Shape& b);

}  // namespace sinter::graph
