#pragma once

#include <compare>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ir/graph/attribute.h"
#include "ir/graph/type.h"

// The Graph IR: typed SSA over tensors of static shape. A module holds state and functions, a function ops in
// an order in which every operand is made before it is used.
namespace sinter::graph {

enum class OpCode : uint8_t {
#define SINTER_OP(name, ...) name,
#include "ir/graph/ops.def"
#undef SINTER_OP
};

enum class OpKind : uint8_t {
  source,
  elementwise,
  reduction,
  contraction,
  view,
  data,
  check,
  control,
  collective,
  composite
};

enum class Order : uint8_t { ordered, commutes };

struct OpInfo {
  std::string_view name;
  int least_operands;
  int most_operands;  // -1: any number
  OpKind kind;
  int cost = 0;  // instructions that an element of the result takes, roughly, of a vector
  Order order = Order::ordered;
};

const OpInfo& info(OpCode code);
inline std::string_view name(OpCode code) {
  return info(code).name;
}
// Whether the operands may change places, to the bit but for the payload of a NaN.
inline bool commutes(OpCode code) {
  return info(code).order == Order::commutes;
}
std::optional<OpCode> opcode_from_name(std::string_view name);
std::span<const OpCode> all_opcodes();

// Where in the user's source a value was made, and the path of the module that made it.
struct Location {
  std::string file;  // "" where unknown
  int line = 0;
  std::string scope;  // "encoder.0.attention", "" outside of modules

  bool operator==(const Location&) const = default;
};

std::string to_string(const Location& location);  // "classifier.cpp:42, in encoder.0.attention"
std::string at(const Location& location);  // " (classifier.cpp:42, ...)", as messages end; "" where unknown

struct Op;
class Function;

// A result of an op. Ops own their results; a Value is a name for one.
struct Value {
  Op* op = nullptr;
  int index = 0;

  const TensorType& type() const;
  const Shape& shape() const { return type().shape; }
  DType dtype() const { return type().dtype; }
  int64_t rank() const { return type().rank(); }
  explicit operator bool() const { return op != nullptr; }
  bool operator==(const Value&) const = default;
};

struct ValueHash {
  size_t operator()(const Value& value) const {
    return std::hash<const void*>()(value.op) * 31 + static_cast<size_t>(value.index);
  }
};

template <typename T>
using ValueMap = std::unordered_map<Value, T, ValueHash>;

struct Op {
  OpCode code;
  std::vector<Value> operands;
  std::vector<TensorType> results;
  Attributes attributes;
  Location location;
  std::unique_ptr<Function>
      body;  // of a kernel: its parameters stand for the operands, its outputs for the results

  Value result(int index = 0) { return {this, index}; }
  OpKind kind() const { return info(code).kind; }
  // Of a collective: its operands but for what it comes after.
  size_t parts() const { return operands.size() - (attributes.flag("after") ? 1 : 0); }
};

inline const TensorType& Value::type() const {
  return op->results[static_cast<size_t>(index)];
}

// The value that reshapes make `value` of: they lie in the same memory.
Value strip_reshapes(Value value);

struct Output {
  std::string name;
  Value value;
};

class Function {
 public:
  explicit Function(std::string name) : name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  void rename(std::string name) { name_ = std::move(name); }

  // In order of execution. Parameters are ops too, and come first.
  const std::vector<std::unique_ptr<Op>>& ops() const { return ops_; }
  std::vector<std::unique_ptr<Op>>& ops() { return ops_; }
  Op& append(std::unique_ptr<Op> op);

  std::vector<Op*> parameters() const;
  static const std::string& parameter_name(const Op& op) { return op.attributes.text("name"); }

  std::vector<Output> outputs;

 private:
  std::string name_;
  std::vector<std::unique_ptr<Op>> ops_;
};

// State lives between calls of a program's functions, which read and write it explicitly.
struct State {
  std::string name;
  TensorType type;
};

class Module {
 public:
  std::vector<State> states;
  std::vector<std::unique_ptr<Function>> functions;

  Function& add_function(std::string name);
  Function* find_function(std::string_view name) const;  // nullptr where there is none
  const State* find_state(std::string_view name) const;
};

// Copies `function` op by op. `map` holds, after the call, what became of each value; values it holds before
// (for the parameters, say) are used as they are and their ops are not copied.
std::unique_ptr<Function> clone(const Function& function);
Module clone(const Module& module);
// Appends a copy of `op` to `to`, its operands looked up in `map`, and records its results there.
Op& clone_op(const Op& op, Function& to, ValueMap<Value>& map);

// For each op of `function` and each of its results, how often it is used, outputs included.
ValueMap<int> count_uses(const Function& function);

// The index lists of a contract, written as in einsum: "bik,bkj->bij". A letter stands for a dimension; it
// occurs in at least two of lhs, rhs and result, at most once in each. In lhs and rhs but not in the result:
// summed over.
struct ContractDims {
  std::string lhs, rhs, result;

  static ContractDims parse(std::string_view text);  // throws GraphError
  std::string text() const { return lhs + "," + rhs + "->" + result; }
  bool is_summed(char letter) const { return result.find(letter) == std::string::npos; }
};

}  // namespace sinter::graph
