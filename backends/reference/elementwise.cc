#include "backends/reference/indexing.h"
#include "backends/reference/kernels.h"
#include "backends/reference/scalar.h"

namespace sinter::reference::kernels {
namespace {

// The element types an op is instantiated for; the type rules let no others come.
struct Domain {
  template <typename T>
  static constexpr bool floating = std::floating_point<T>;
  template <typename T>
  static constexpr bool numeric = !std::same_as<T, bool>;
  template <typename T>
  static constexpr bool integral = std::integral<T>;
  template <typename T>
  static constexpr bool any = true;
};

template <typename F>
void unary(const Invocation& i, F f) {
  with_type(i.in[0].dtype(), [&]<typename T>() {
    if constexpr (std::invocable<F, T>) {
      using R = std::invoke_result_t<F, T>;
      const T* x = i.in[0].data<T>();
      R* out = i.out[0].data<R>();
      for (int64_t n = 0; n < i.out[0].size(); ++n) out[n] = f(x[n]);
    }
  });
}

template <typename F>
void binary(const Invocation& i, F f) {
  with_type(i.in[0].dtype(), [&]<typename T>() {
    if constexpr (std::invocable<F, T, T>) {
      using R = std::invoke_result_t<F, T, T>;
      const T *x = i.in[0].data<T>(), *y = i.in[1].data<T>();
      R* out = i.out[0].data<R>();
      for (int64_t n = 0; n < i.out[0].size(); ++n) out[n] = f(x[n], y[n]);
    }
  });
}

}  // namespace

#define SINTER_UNARY(name, domain)                                                       \
  void name(const Invocation& i) {                                                       \
    unary(                                                                               \
        i, []<typename T>(T x) requires(Domain::domain<T>) { return scalar::name(x); }); \
  }
#define SINTER_BINARY(name, domain)                                                              \
  void name(const Invocation& i) {                                                               \
    binary(                                                                                      \
        i, []<typename T>(T x, T y) requires(Domain::domain<T>) { return scalar::name(x, y); }); \
  }
#define SINTER_ARITY_1(name, domain) SINTER_UNARY(name, domain)
#define SINTER_ARITY_2(name, domain) SINTER_BINARY(name, domain)
#define SINTER_ELEMENTWISE(name, arity, domain, result, ...) SINTER_ARITY_##arity(name, domain)
#include "ir/graph/elementwise.def"
#undef SINTER_ELEMENTWISE

void select(const Invocation& i) {
  with_type(i.out[0].dtype(), [&]<typename T>() {
    const bool* condition = i.in[0].data<bool>();
    const T *x = i.in[1].data<T>(), *y = i.in[2].data<T>();
    T* out = i.out[0].data<T>();
    for (int64_t n = 0; n < i.out[0].size(); ++n) out[n] = condition[n] ? x[n] : y[n];
  });
}

void cast(const Invocation& i) {
  with_type(i.in[0].dtype(), [&]<typename From>() {
    with_type(i.out[0].dtype(), [&]<typename To>() {
      const From* x = i.in[0].data<From>();
      To* out = i.out[0].data<To>();
      for (int64_t n = 0; n < i.out[0].size(); ++n) out[n] = scalar::cast<To>(x[n]);
    });
  });
}

}  // namespace sinter::reference::kernels
