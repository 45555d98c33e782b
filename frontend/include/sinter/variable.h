#pragma once

#include <sinter/export.h>
#include <sinter/extent.h>
#include <sinter/nn/initializer.h>
#include <sinter/tensor.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

namespace SINTER_EXPORT sinter {

class Parameters;
class Trace;

// Tells others whether what it is a part of is still there.
class Lifetime {
 public:
  Lifetime();
  Lifetime(const Lifetime&) = delete;
  Lifetime& operator=(const Lifetime&) = delete;

  std::weak_ptr<const void> watch() const { return alive_; }  // expires with it

 private:
  std::shared_ptr<const void> alive_;
};

// A value that lives between the calls of a program: every function of the program, or of a session of it,
// reads and writes the same one. It is used like a tensor; what it reads as is its last assigned value,
// through whose making no gradient goes.
class Variable {
 public:
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

  virtual std::string path() const = 0;  // "encoder.0.attention.query.weight"
  DType dtype() const { return dtype_; }
  const Shape& shape() const;  // throws Error for state of a session, whose extents may be Dims
  const Extents& extents() const { return extents_; }
  bool is_of_session() const { return is_of_session_; }
  bool trainable() const { return trainable_->load(std::memory_order_relaxed); }
  const Initializer& initializer() const { return initializer_; }
  const Lifetime& lifetime() const { return lifetime_; }

  Tensor read(std::source_location where = std::source_location::current()) const;
  operator Tensor() const;
  // What the state holds after the call. A failed call leaves it as it was.
  void assign(Operand value);

 protected:
  Variable(DType type, Shape shape, Initializer initializer, bool trainable);
  // State of a session.
  Variable(DType type, Extents extents, Initializer initializer);
  ~Variable();

  void set_initializer(const Initializer& initializer) const;
  // Not a part of the value: what optimisers may do with it.
  void set_trainable(bool trainable) const { *trainable_ = trainable; }

 private:
  friend class Trace;
  friend void freeze(const Parameters& parameters);
  friend void unfreeze(const Parameters& parameters);
  friend void initialize(const Parameters& parameters, const Initializer& initializer);

  DType dtype_;
  Shape shape_;
  Extents extents_;
  bool is_of_session_;
  mutable Initializer initializer_;               // of programs that are compiled from now on
  std::shared_ptr<std::atomic<bool>> trainable_;  // programs look at it, also when the variable is gone
  Lifetime lifetime_;
};

}  // namespace sinter
