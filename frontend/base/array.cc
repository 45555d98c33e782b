#include <fmt/format.h>
#include <sinter/array.h>
#include <sinter/error.h>

#include "frontend/base/convert.h"
#include "frontend/base/translate.h"
#include "runtime/tensor.h"

namespace sinter {
namespace {

const runtime::HostTensor& checked_host(const std::shared_ptr<runtime::HostTensor>& host) {
  if (host == nullptr) throw Error("the array is undefined");
  return *host;
}

}  // namespace

Array::Array(DType type, Shape shape) {
  for (int64_t extent : shape) {
    if (extent < 0) throw Error(fmt::format("array: a negative extent in {}", to_string(type, shape)));
  }
  host_ =
      translated([&] { return std::make_shared<runtime::HostTensor>(to_runtime(type), std::move(shape)); });
}

DType Array::dtype() const {
  return to_public(checked_host(host_).dtype());
}
const Shape& Array::shape() const {
  return checked_host(host_).shape();
}
int64_t Array::size() const {
  return checked_host(host_).size();
}

Array Array::clone() const {
  return translated(
      [&] { return Array(std::make_shared<runtime::HostTensor>(checked_host(host_).clone())); });
}

void* Array::checked(DType type) const {
  if (dtype() != type) {
    throw Error(fmt::format("the array is {}, asked for as {}", to_string(dtype(), shape()), name(type)));
  }
  return host_->raw();
}

void Array::check_count(size_t count) const {
  if (static_cast<int64_t>(count) == size()) return;
  throw Error(fmt::format("{} holds {} values, not {}", to_string(dtype(), shape()), size(), count));
}

}  // namespace sinter
