// Work that XLA's own threads share.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

#include "xla/ffi/api/ffi.h"

namespace {

namespace ffi = xla::ffi;

// Work that is cut into pieces, of which every thread takes the next. The caller takes part and waits only for threads
// that have begun, so a pool that is busy or has no thread to spare cannot hold it up.
struct Pieces {
  const int64_t total;
  std::atomic<int64_t> next{0};
  std::mutex lock;
  std::condition_variable idle;
  int64_t running = 0;
  bool closed = false;
  explicit Pieces(int64_t count) : total(count) {}
};

template <typename Work>
void share(ffi::ThreadPool& pool, int64_t total, const Work& work) {
  auto pieces = std::make_shared<Pieces>(total);
  const auto take = [&work](Pieces& from) {
    for (int64_t piece = from.next++; piece < from.total; piece = from.next++) work(piece);
  };
  const int64_t helpers = std::min<int64_t>(pool.num_threads(), total) - 1;
  for (int64_t helper = 0; helper < helpers; ++helper) {
    pool.Schedule([pieces, take] {
      {
        std::lock_guard<std::mutex> guard(pieces->lock);
        if (pieces->closed) return;
        ++pieces->running;
      }
      take(*pieces);
      std::lock_guard<std::mutex> guard(pieces->lock);
      if (--pieces->running == 0) pieces->idle.notify_all();
    });
  }
  take(*pieces);
  std::unique_lock<std::mutex> guard(pieces->lock);
  pieces->closed = true;
  pieces->idle.wait(guard, [&pieces] { return pieces->running == 0; });
}

int64_t pieces_of(int64_t size, int64_t piece) { return (size + piece - 1) / piece; }

}  // namespace
