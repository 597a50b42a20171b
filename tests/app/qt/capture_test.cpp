// Recordings and what leads to them; the microphone itself only where there is none.
#include "capture/microphone.h"
#include "capture/recording.h"

#include <QSignalSpy>
#include <QTemporaryDir>
#include <QtEndian>
#include <QtTest>

#include <cmath>
#include <numbers>

using namespace facet;
using namespace facet::capture;

namespace {

QByteArray sine(int rate, int channels, double hertz, double seconds) {
    QByteArray bytes;
    for (int i = 0; i < rate * seconds; ++i) {
        const auto value = static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * hertz * i / rate));
        for (int c = 0; c < channels; ++c) {
            bytes.append(reinterpret_cast<const char *>(&value), sizeof value);
        }
    }
    return bytes;
}

qint16 sampleAt(const QByteArray &bytes, qsizetype index) {
    return qFromLittleEndian<qint16>(bytes.constData() + 2 * index);
}

} // namespace

class CaptureTest : public QObject {
    Q_OBJECT

private slots:
    void sixteenKilohertzPassThrough() {
        QByteArray samples;
        for (int i = -100; i < 100; ++i) {
            const qint16 value = static_cast<qint16>(i * 300);
            samples.append(reinterpret_cast<const char *>(&value), sizeof value);
        }
        SampleConverter converter({SampleKind::Int16, 1, kSampleRate});
        const QByteArray out = converter.convert(samples);
        QVERIFY(out.size() >= samples.size() - 4);
        for (qsizetype i = 0; i < out.size() / 2; ++i) {
            QVERIFY(std::abs(sampleAt(out, i) - sampleAt(samples, i)) <= 1);
        }
    }

    void otherRatesKeepPitchAndLoudness_data() {
        QTest::addColumn<int>("rate");
        QTest::addColumn<int>("channels");
        QTest::newRow("48k stereo") << 48000 << 2;
        QTest::newRow("44.1k mono") << 44100 << 1;
        QTest::newRow("8k mono") << 8000 << 1;
        QTest::newRow("96k 6 channels") << 96000 << 6;
    }
    void otherRatesKeepPitchAndLoudness() {
        QFETCH(int, rate);
        QFETCH(int, channels);
        SampleConverter converter({SampleKind::Float, channels, rate});
        const QByteArray in = sine(rate, channels, 440, 1.0);
        QByteArray out;
        for (qsizetype at = 0; at < in.size(); at += 777) { // pieces that cut frames
            out += converter.convert(QByteArrayView(in).sliced(at, qMin<qsizetype>(777, in.size() - at)));
        }
        const qsizetype count = out.size() / 2;
        QVERIFY(std::abs(count - kSampleRate) <= 4);
        int crossings = 0, peak = 0;
        for (qsizetype i = 1; i < count; ++i) {
            crossings += (sampleAt(out, i - 1) < 0) != (sampleAt(out, i) < 0) ? 1 : 0;
            peak = std::max(peak, std::abs(int(sampleAt(out, i))));
        }
        QVERIFY(std::abs(crossings - 880) <= 4);
        QVERIFY(std::abs(peak - 16384) < 600);
    }

    void writesAWavThatIsValidBeforeTheEnd() {
        QTemporaryDir folder;
        const QString path = folder.filePath(QStringLiteral("a.wav"));
        Recording recording({SampleKind::Int16, 1, kSampleRate});
        QVERIFY(recording.open(path));
        QVERIFY(recording.write(QByteArray(2 * kSampleRate * 2, '\x10'))); // two seconds
        QFile file(path);
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QByteArray running = file.readAll(); // as after a crash now
        QCOMPARE(running.left(4), QByteArray("RIFF"));
        QVERIFY(qFromLittleEndian<quint32>(running.constData() + 40) >= 2 * kSampleRate);
        QVERIFY(recording.finish());
        file.seek(0);
        const QByteArray whole = file.readAll();
        QCOMPARE(qFromLittleEndian<quint32>(whole.constData() + 24), quint32(kSampleRate));
        QCOMPARE(qsizetype(qFromLittleEndian<quint32>(whole.constData() + 40)), whole.size() - 44);
        QCOMPARE(qsizetype(qFromLittleEndian<quint32>(whole.constData() + 4)), whole.size() - 8);
        Recording second({SampleKind::Int16, 1, kSampleRate});
        QVERIFY(!second.open(path)); // never over a file that is there
    }

    void loudnessGrowsWithTheSignal() {
        QTemporaryDir folder;
        Recording recording({SampleKind::Float, 1, kSampleRate});
        QVERIFY(recording.open(folder.filePath(QStringLiteral("a.wav"))));
        const double silence = *recording.write(QByteArray(8000, '\0'));
        const double tone = *recording.write(sine(kSampleRate, 1, 440, 0.5));
        QVERIFY(silence < 0.01);
        QVERIFY(tone > 0.3 && tone <= 1);
        recording.discard();
        QVERIFY(QDir(folder.path()).isEmpty());
    }

    void withoutAMicrophoneThereIsASentence() {
        QTemporaryDir folder;
        Microphone microphone(folder.path());
        QSignalSpy available(&microphone, &Microphone::availabilityChanged);
        QVERIFY(!microphone.unavailableReason().isEmpty()); // not known yet
        QVERIFY(available.wait(20000));
        if (microphone.unavailableReason().isEmpty()) {
            QSKIP("there is a microphone here");
        }
        QSignalSpy failed(&microphone, &Microphone::failed);
        microphone.start();
        QVERIFY(microphone.isRecording());
        QVERIFY(failed.wait());
        QVERIFY(failed.at(0).at(0).toString().endsWith(QLatin1Char('.')));
        QVERIFY(!microphone.isRecording());
        QVERIFY(QDir(folder.path()).isEmpty());
    }
};

QTEST_GUILESS_MAIN(CaptureTest)
#include "capture_test.moc"
