#include <fmt/format.h>
#include <sinter/error.h>
#include <sinter/variable.h>

#include "frontend/trace/trace.h"

namespace sinter {

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
