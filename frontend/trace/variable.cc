#include <fmt/format.h>
#include <sinter/error.h>
#include <sinter/variable.h>

#include "frontend/trace/trace.h"

namespace sinter {

Lifetime::Lifetime() : alive_(std::make_shared<char>()) {}

Variable::Variable(DType type, Shape shape, Initializer initializer, bool trainable)
    : dtype_(type),
      shape_(std::move(shape)),
      extents_(shape_),
      is_of_session_(false),
      initializer_(std::move(initializer)),
      trainable_(std::make_shared<std::atomic<bool>>(trainable)) {}

Variable::Variable(DType type, Extents extents, Initializer initializer)
    : dtype_(type),
      extents_(std::move(extents)),
      is_of_session_(true),
      initializer_(std::move(initializer)),
      trainable_(std::make_shared<std::atomic<bool>>(false)) {}

Variable::~Variable() = default;

void Variable::set_initializer(const Initializer& initializer) const {
  initializer_ = initializer.with_fans_of(initializer_);
}

const Shape& Variable::shape() const {
  if (!is_of_session_) return shape_;
  throw Error(
      fmt::format("state '{}' has no shape of its own: it is {} of each session", path(), extents_.text()));
}

Tensor Variable::read(std::source_location where) const {
  return Trace::current(fmt::format("read '{}'", path()), where).read(*this, where);
}

// Nothing tells where a conversion stands.
Variable::operator Tensor() const {
  return read(std::source_location());
}

void Variable::assign(Operand value) {
  Trace& trace = Trace::current(fmt::format("assign to '{}'", path()), value.where());
  trace.assign(*this, value.tensor(), value.where());
}

}  // namespace sinter
