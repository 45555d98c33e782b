#pragma once

namespace sinter::bench {

// What this process reaches with so many threads at once, one or more: the best of several short runs.
double peak_flops(int threads);           // of multiply-adds on registers, per second
double peak_copy_bandwidth(int threads);  // of memcpy, bytes read and written per second

}  // namespace sinter::bench
