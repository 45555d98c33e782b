#pragma once

#include <sinter/export.h>
#include <sinter/types.h>

#include <concepts>
#include <initializer_list>
#include <memory>
#include <source_location>
#include <string>
#include <vector>

namespace SINTER_EXPORT sinter {

struct Node;
class Variable;

// A value of the computation graph that is being built: an element type and a static shape, no data. A cheap
// handle, copied freely. Tensors exist while a function given to Program::add is traced, and belong to it.
class Tensor {
 public:
  Tensor() = default;  // undefined: "not given" where a tensor is optional

  bool defined() const { return node_ != nullptr; }
  DType dtype() const;
  const Shape& shape() const;
  int64_t rank() const { return static_cast<int64_t>(shape().size()); }
  // The extent of an axis; a negative one counts from the end.
  int64_t dim(int64_t axis, std::source_location where = std::source_location::current()) const;
  int64_t size() const;      // the number of elements
  std::string type() const;  // "f32[4,8]"

  // For the library itself.
  explicit Tensor(std::shared_ptr<const Node> node) : node_(std::move(node)) {}
  const std::shared_ptr<const Node>& node() const { return node_; }

 private:
  const Node& checked() const;

  std::shared_ptr<const Node> node_;
};

template <typename T>
concept Scalar = std::integral<T> || std::floating_point<T>;

// A C++ number, which keeps all bits of an integer.
class Number {
 public:
  enum class Kind : uint8_t { real, integer, flag };

  template <Scalar T>
  Number(T number) {
    if constexpr (std::floating_point<T>) {
      kind_ = Kind::real;
      real_ = static_cast<double>(number);
    } else {
      kind_ = std::same_as<T, bool> ? Kind::flag : Kind::integer;
      integer_ = static_cast<int64_t>(number);
    }
  }

  Kind kind() const { return kind_; }
  double real() const { return real_; }         // where it is one
  int64_t integer() const { return integer_; }  // where it is none; 0 or 1 of a bool

 private:
  Kind kind_;
  union {
    double real_;
    int64_t integer_;
  };
};

// What functions of tensors take: a tensor, a parameter or state, or a C++ number, and the line where it was
// passed. A number takes the element type of the tensors beside it; alone it is f32, i32 (i64 where it does
// not fit) or bool.
class Operand {
 public:
  Operand(const Tensor& tensor, std::source_location where = std::source_location::current())
      : tensor_(tensor), where_(where) {}
  Operand(const Variable& variable, std::source_location where = std::source_location::current());
  template <Scalar T>
  Operand(T number, std::source_location where = std::source_location::current())
      : number_(number), is_number_(true), where_(where) {}

  const Tensor* given_tensor() const { return is_number_ ? nullptr : &tensor_; }
  const Number* given_number() const { return is_number_ ? &number_ : nullptr; }
  const std::source_location& where() const { return where_; }
  // The tensor; a number becomes a constant, as if alone.
  Tensor tensor() const;

 private:
  Tensor tensor_;
  Number number_ = 0;
  bool is_number_ = false;
  std::source_location where_;
};

// Several operands: {x, y, 1.0}, or a vector of tensors.
class Operands {
 public:
  Operands(std::initializer_list<Operand> operands,
           std::source_location where = std::source_location::current());
  Operands(const std::vector<Tensor>& tensors, std::source_location where = std::source_location::current());

  const std::vector<Operand>& all() const { return operands_; }
  const std::source_location& where() const { return where_; }

 private:
  std::vector<Operand> operands_;
  std::source_location where_;
};

// Elementwise. Shapes broadcast as in numpy; element types must agree, and never convert by themselves.
Tensor operator+(Operand lhs, Operand rhs);
Tensor operator-(Operand lhs, Operand rhs);
Tensor operator*(Operand lhs, Operand rhs);
Tensor operator/(Operand lhs, Operand rhs);  // integers: rounds to minus infinity; by zero gives 0
Tensor operator%(Operand lhs, Operand rhs);  // has the sign of rhs, as in Python
Tensor operator-(Operand x);

// Comparisons give bool.
Tensor operator<(Operand lhs, Operand rhs);
Tensor operator<=(Operand lhs, Operand rhs);
Tensor operator>(Operand lhs, Operand rhs);
Tensor operator>=(Operand lhs, Operand rhs);
Tensor operator==(Operand lhs, Operand rhs);
Tensor operator!=(Operand lhs, Operand rhs);

// Of bools; bitwise of integers.
Tensor operator&(Operand lhs, Operand rhs);
Tensor operator|(Operand lhs, Operand rhs);
Tensor operator^(Operand lhs, Operand rhs);
Tensor operator!(Operand x);
Tensor operator~(Operand x);

// Rebind `lhs` to a new tensor.
Tensor& operator+=(Tensor& lhs, Operand rhs);
Tensor& operator-=(Tensor& lhs, Operand rhs);
Tensor& operator*=(Tensor& lhs, Operand rhs);
Tensor& operator/=(Tensor& lhs, Operand rhs);

}  // namespace sinter
