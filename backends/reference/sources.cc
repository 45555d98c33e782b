#include "backends/reference/indexing.h"
#include "backends/reference/kernels.h"
#include "backends/reference/scalar.h"
#include "runtime/random.h"

namespace sinter::reference::kernels {
namespace {

template <typename T, typename F>
void fill_random(const Invocation& i, F number) {
  const uint32_t salt = i.in.empty() ? 0 : static_cast<uint32_t>(i.in[0].data<int32_t>()[0]);
  const runtime::RandomStream stream{i.seed, i.step, static_cast<uint32_t>(i.attributes().integer("key")),
                                     salt};
  T* out = i.out[0].data<T>();
  for (int64_t n = 0; n < i.out[0].size(); ++n) {
    out[n] = number(runtime::random_bits(stream, static_cast<uint64_t>(n)));
  }
}

}  // namespace

void parameter(const Invocation&) {
  throw InternalError("reference: a parameter takes its value from the call");
}

void constant(const Invocation& i) {
  with_type(i.out[0].dtype(), [&]<typename T>() {
    T* out = i.out[0].data<T>();
    const auto fill = [&]<typename V>(const V& value) {
      if constexpr (std::is_arithmetic_v<V>) {
        std::fill_n(out, i.out[0].size(), scalar::cast<T>(value));
      } else if constexpr (std::same_as<V, std::vector<int64_t>> || std::same_as<V, std::vector<double>>) {
        for (const auto& element : value) *out++ = scalar::cast<T>(element);
      } else {
        throw InternalError("constant: not a number");
      }
    };
    const graph::Attribute* splat = i.attributes().find("value");
    std::visit(fill, splat != nullptr ? *splat : *i.attributes().find("values"));
  });
}

void iota(const Invocation& i) {
  const AxisView view(i.out[0].shape(), i.attributes().integer("axis"));
  with_type(i.out[0].dtype(), [&]<typename T>() {
    T* out = i.out[0].data<T>();
    for (int64_t n = 0; n < i.out[0].size(); ++n) out[n] = scalar::cast<T>(n / view.inner % view.extent);
  });
}

void random_bits(const Invocation& i) {
  fill_random<int32_t>(i, [](runtime::RandomBits bits) { return static_cast<int32_t>(bits.first); });
}

void random_uniform(const Invocation& i) {
  if (i.out[0].dtype() == runtime::DType::f64) return fill_random<double>(i, runtime::uniform_f64);
  fill_random<float>(i, runtime::uniform_f32);
}

void random_normal(const Invocation& i) {
  if (i.out[0].dtype() == runtime::DType::f64) return fill_random<double>(i, runtime::normal_f64);
  fill_random<float>(i, runtime::normal_f32);
}

}  // namespace sinter::reference::kernels
