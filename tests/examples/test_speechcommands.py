"""Spoken words: features, made-up words, the network, and a folder of recordings."""

import math
import wave
from pathlib import Path

import pytest
import torch

from spikingjelly.activation_based import functional
from spikingjelly.activation_based.examples import speechcommands
from spikingjelly.activation_based.examples.common.sound import LogMel, MadeUpWords, resample


def tone(frequency: float, rate: int = 16000, seconds: float = 1.0) -> torch.Tensor:
    return (2 * math.pi * frequency * torch.arange(int(seconds * rate)) / rate).sin()[None]


@pytest.mark.parametrize("new_rate", [8000, 24000, 16000])
def test_a_tone_is_the_same_tone_at_another_rate(new_rate: int) -> None:
    torch.testing.assert_close(resample(tone(440), 16000, new_rate), tone(440, new_rate), atol=2e-3, rtol=0)


@pytest.mark.parametrize(("new_rate", "bands"), [(16000, 40), (8000, 20)])
def test_a_tone_is_loudest_in_its_band(new_rate: int, bands: int) -> None:
    """Band k is centred at the (k+1)-th of bands + 1 equal steps on the mel scale between 20 Hz and half of the rate."""

    def mel(frequency: float) -> float:
        return 2595 * math.log10(1 + frequency / 700)

    features = LogMel(16000, new_rate, bands)
    for frequency in (500.0, 1000.0, 3000.0):
        x = features(tone(frequency))
        assert x.shape == (101, bands)
        assert abs(x.mean().item()) < 1e-4
        assert x.std().item() == pytest.approx(1, abs=1e-3)
        step = (mel(new_rate / 2) - mel(20)) / (bands + 1)
        assert abs(x[50].argmax().item() - ((mel(frequency) - mel(20)) / step - 1)) <= 1


def test_short_sound_is_followed_by_silence_and_long_sound_is_cut() -> None:
    short = LogMel()(tone(1000, seconds=0.5))
    assert short.shape == (101, 40)
    assert short[20].max() > 1 > short[80].max()
    torch.testing.assert_close(LogMel()(tone(1000, seconds=1.5))[:95], LogMel()(tone(1000))[:95], atol=0.05, rtol=0)


def test_made_up_words() -> None:
    words = MadeUpWords(8, seed=1, transform=LogMel())
    assert [label for _, label in (words[i] for i in range(8))] == [0, 1, 2, 3] * 2
    assert torch.equal(words[5][0], words[5][0])
    assert not torch.equal(words[1][0], words[5][0])
    assert not torch.equal(MadeUpWords(8, seed=2, transform=LogMel())[5][0], words[5][0])
    rising, falling, level, jumping = (words[i][0].argmax(1) for i in range(4))
    assert rising[10] + 5 < rising[90]
    assert falling[10] > falling[90] + 5
    assert (level[10] - level[90]).abs() <= 1
    assert jumping[45] + 5 < jumping[55]
    with pytest.raises(IndexError, match="there are 8 samples, but number 8 was asked for"):
        words[8]


def test_the_network_does_not_look_ahead() -> None:
    net = speechcommands.Net(channels=3, classes=5).eval()
    for block in net.conv:
        torch.nn.init.constant_(block.bn.weight, 20.0)  # so that there are spikes
    x = torch.randn(2, 101, 40)
    changed = x.clone()
    changed[:, 60:] = torch.randn(2, 41, 40)
    outputs = []
    for sample in (x, changed):
        functional.reset_net(net)
        outputs.append(net.conv(sample.unsqueeze(1)))
    assert torch.equal(outputs[0][:, :, :60], outputs[1][:, :, :60])
    assert not torch.equal(outputs[0][:, :, 60:], outputs[1][:, :, 60:])
    functional.reset_net(net)
    assert net(x).shape == (2, 5)
    assert [block.conv.dilation for block in net.conv] == [(1, 1), (4, 1), (16, 1)]


def test_published_names_of_flags() -> None:
    args = speechcommands.parse(["-b", "32", "-sr", "8000", "-lr", "0.02", "-dir", "d", "-e", "7", "-d", "cpu"])
    assert (args.b, args.sr, args.lr, str(args.data_dir), args.epochs, args.device) == (32, 8000, 0.02, "d", 7, "cpu")
    assert speechcommands.parse([]).epochs == 50


def test_too_low_a_rate(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        speechcommands.parse(["-sr", "100"])
    assert "-sr must be at least 4000 samples a second, but 100 was given" in capsys.readouterr().err


@pytest.mark.usefixtures("no_pictures")
def test_learns_made_up_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(speechcommands, "MADE_UP_SAMPLES", {True: 96, False: 32})
    flags = ["-channels", "4", "-b", "8", "-e", "2", "-d", "cpu", "-out-dir", str(tmp_path)]
    assert speechcommands.main(flags) > 0.6
    assert "The accuracy is not one on Speech Commands." in capsys.readouterr().out


def test_a_folder_of_recordings(tmp_path: Path) -> None:
    folder = tmp_path / "SpeechCommands" / "speech_commands_v0.02"
    names = [f"{word}/0a_nohash_{i}.wav" for word in ("bed", "zero") for i in range(3)]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(folder / name), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16000)
            file.writeframes((tone(440, seconds=0.2)[0] * 2**14).short().numpy().tobytes())
    (folder / "_background_noise_").mkdir()
    (folder / "validation_list.txt").write_text("")
    (folder / "testing_list.txt").write_text(f"{names[0]}\n{names[3]}\n")
    args = speechcommands.parse(["-dir", str(tmp_path), "-b", "2", "-d", "cpu"])
    train_loader, test_loader, classes, data = speechcommands.load_data(args)
    (samples, labels) = next(iter(test_loader))
    assert (len(train_loader), len(test_loader), data) == (2, 1, "Speech Commands")
    assert samples.shape == (2, 101, 40)
    assert [classes[label] for label in labels] == ["bed", "zero"]


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="speech_commands"):
        speechcommands.main(["-dir", str(tmp_path / "nowhere"), "-out-dir", str(tmp_path), "-d", "cpu"])
