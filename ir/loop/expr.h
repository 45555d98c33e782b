#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph/type.h"

// The Loop IR: loop nests over buffers, in the manner of Halide's statements. Expressions are scalar; inside
// a vector loop, those that depend on its variable stand for one value a lane.
namespace sinter::loop {

// `index` counts elements and iterations: 64 bits on a CPU, what the device likes on a GPU. Index division
// and remainder take operands that are not negative.
enum class Type : uint8_t { boolean, i32, i64, f32, f64, index };

Type from_graph(graph::DType type);  // throws GraphError for a type no kernel computes in
std::string_view name(Type type);
int64_t size_in_bytes(Type type);  // in a buffer; a bool is a byte, an index has no buffers
bool is_floating(Type type);

// Scalar operations: the graph's elementwise ones with the graph's meaning, and what only loops need.
enum class ScalarOp : uint8_t {
#define SINTER_ELEMENTWISE(name, ...) name,
#include "ir/graph/elementwise.def"
#undef SINTER_ELEMENTWISE
  select,       // bool, x, y: x where true; both are evaluated
  fma,          // x * y + z, rounded once
  exp2,         // f32: a power of 2, within what the device's own instruction has, 3 + 2 * |x| ulp
  shift_left,   // i32, i64: x << y
  shift_right,  // likewise, filling with zeros
  mul_high,     // i32: the high half of the unsigned product of 64 bits
  to_unsigned,  // i32 as unsigned into f32, f64, i64: the node's type says which
  lane_sum,     // over the active lanes of the enclosing vector loop, in a fixed tree; uniform
  lane_max,
  lane_min,
  subgroup_sum,  // x, n: over the lanes of a subgroup of n, in an order of the device's; x is in shared
                 // memory
};

std::string_view name(ScalarOp op);

enum class Space : uint8_t {
  global,  // memory of the program, passed to the kernel
  shared,  // one for each workgroup
  local,   // one for each iteration of the parallel loop (a lane on a GPU); in registers where indices are
           // constant
};

struct Buffer {
  std::string name;
  Type type;
  int64_t size;  // elements
  Space space = Space::global;
  bool written = false;   // of a global: whether the kernel stores to it
  int64_t alignment = 4;  // bytes, of a global's first element
};
using BufferRef = std::shared_ptr<const Buffer>;

struct Variable {
  std::string name;
  Type type = Type::index;
};
using VariableRef = std::shared_ptr<const Variable>;

struct ExprNode;
using Expr = std::shared_ptr<const ExprNode>;

// What a kernel may know of the call it runs in.
enum class ContextValue : uint8_t { seed_low, seed_high, step };  // i32 each

struct ExprNode {
  enum class Kind : uint8_t { integer, number, variable, load, apply, cast, bitcast, context };

  Kind kind;
  Type type;
  int64_t integer = 0;     // integer and boolean constants
  double number = 0;       // floating constants
  ScalarOp op{};           // apply
  ContextValue context{};  // context
  std::vector<Expr> args;  // apply, cast, bitcast: operands. load: index, and a predicate where there is one
  VariableRef variable;    // variable
  BufferRef buffer;        // load
};

// Constructors fold constants and the identities of index arithmetic, nothing that changes a floating value.
Expr integer(int64_t value, Type type = Type::index);
Expr number(double value, Type type);
Expr boolean(bool value);
Expr constant(double value, Type type);  // of any type
Expr variable(VariableRef variable);
VariableRef make_variable(std::string name, Type type = Type::index);
// Element `index` of `buffer`. Where `predicate` is false nothing is read and the value is zero.
Expr load(BufferRef buffer, Expr index, Expr predicate = nullptr);
Expr apply(ScalarOp op, std::vector<Expr> args);
Expr apply_as(ScalarOp op, Type type, std::vector<Expr> args);  // to_unsigned
Expr cast(Expr x, Type to);     // the graph's cast; x itself where it has that type
Expr bitcast(Expr x, Type to);  // between f32 and i32, f64 and i64
Expr context(ContextValue value);

Expr operator+(Expr a, Expr b);
Expr operator-(Expr a, Expr b);
Expr operator*(Expr a, Expr b);
Expr operator/(Expr a, Expr b);
Expr operator%(Expr a, Expr b);
Expr operator+(Expr a, int64_t b);
Expr operator-(Expr a, int64_t b);
Expr operator*(Expr a, int64_t b);
Expr operator/(Expr a, int64_t b);
Expr operator%(Expr a, int64_t b);
Expr operator<(Expr a, Expr b);
Expr operator>=(Expr a, Expr b);
Expr operator==(Expr a, Expr b);
Expr operator&&(Expr a, Expr b);  // a null operand counts as true
Expr operator||(Expr a, Expr b);
Expr select(Expr condition, Expr if_true, Expr if_false);
Expr min(Expr a, Expr b);
Expr max(Expr a, Expr b);

// Throws InternalError, which calls `x` what `what` says, where it is null or of another type.
void expect(const Expr& x, Type type, std::string_view what);

std::optional<int64_t> as_integer(const Expr& x);  // the value of an integer constant

std::string print(const Expr& x);

}  // namespace sinter::loop
